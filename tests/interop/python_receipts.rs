//! Python's own reading of RFC 9162 and RFC 9942 verifies the receipts that come with our statements.

use crate::python::world_of_python;

const STATEMENT: &str = "statement --anchor services.pem --log log.pem --idevid";

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_receipts_of_several_devices() {
    let Some((world, python)) = world_of_python().await else { return };
    // Each has three entries behind the genesis: that it was made, its record, its statement. Python's world has made the first device.
    for (number, serial) in (1..).zip(["JADA2", "JADA3", "JADA4", "JADA5", "JADA6"]) {
        world.manufacture(serial).await;
        let found = python.verify(&world.openssl, &format!("{STATEMENT} {serial}.pem {serial}.statement"));
        let receipts = found["receipts"].as_array().unwrap();
        assert_eq!(receipts.len(), 1);
        assert_eq!((receipts[0]["tree-size"].as_u64(), receipts[0]["leaf-index"].as_u64()), (Some(4 + 3 * number), Some(2 + 3 * number)));
    }
    // What the first device was given proves its record still.
    assert_eq!(python.verify(&world.openssl, &format!("{STATEMENT} JADA1.pem JADA1.statement"))["receipts"][0]["leaf-index"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_refuses_a_receipt_for_another_record_or_of_another_log() {
    let Some((world, python)) = world_of_python().await else { return };
    world.manufacture("JADA2").await;
    let [statement, other] = ["JADA1", "JADA2"].map(|serial| world.openssl.read(format!("{serial}.statement")));
    let receipt = brski_common::log::receipts_of(&other).unwrap().remove(0);
    let stripped = brski_common::log::without_receipts(&statement).unwrap();
    let refused = |world: &crate::world::World, arguments: &str| python.start(&world.openssl, "verify.py", arguments).finish().unwrap_err();
    world.openssl.write("statement", &stripped);
    assert!(refused(&world, &format!("{STATEMENT} JADA1.pem statement")).contains("carries no receipt"));
    world.openssl.write("statement", brski_common::log::with_receipt(&stripped, &receipt).unwrap());
    assert!(refused(&world, &format!("{STATEMENT} JADA1.pem statement")).contains("the log has not signed the root"));
    world.openssl.run("genpkey -algorithm ed25519 -out other.key");
    world.openssl.run("pkey -in other.key -pubout -out log.pem");
    assert!(refused(&world, &format!("{STATEMENT} JADA2.pem JADA2.statement")).contains("the log has not signed the root"));
}
