//! A station in Python signs batches that the MASA records.

use brski_common::provenance::to_csv;

use crate::python::world_of_python;

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_python_signs_are_recorded() {
    let Some((world, python)) = world_of_python().await else { return };
    for (format, form) in [("jws", "csv"), ("jws", "jsonl"), ("cose", "csv"), ("cose", "jsonl")] {
        let serials = ["A", "B"].map(|letter| format!("{format}-{form}-{letter}"));
        let reports = serials.each_ref().map(|serial| world.report_of(serial));
        let rows = match form {
            "csv" => to_csv(&reports).unwrap(),
            _ => reports.iter().map(|report| report.to_json().unwrap() + "\n").collect(),
        };
        world.openssl.write("rows", rows);
        python
            .start(&world.openssl, "station.py", &format!("--format {format} --form {form} --key station.key --name station-7 --rows rows --out batch"))
            .finish()
            .unwrap();
        assert_eq!(world.import("batch"), serials.map(Ok), "{format}, {form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_that_python_signs_with_a_key_of_its_own_is_refused() {
    let Some((world, python)) = world_of_python().await else { return };
    world.openssl.write("rows", to_csv(&[world.report_of("JADA9")]).unwrap());
    world.openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key");
    for format in ["jws", "cose"] {
        python
            .start(&world.openssl, "station.py", &format!("--format {format} --form csv --key other.key --name station-7 --rows rows --out batch"))
            .finish()
            .unwrap();
        let refused = "the signature of the manufacture batch does not verify with the key of station-7".to_owned();
        assert_eq!(world.import("batch"), [Err(refused)], "{format}");
    }
}
