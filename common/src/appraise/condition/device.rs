//! What a rule can ask of the device itself, by its verified IDevID.

use super::super::glob::Glob;
use super::super::view::View;
use super::Outcome;
use super::words::any_of;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum AboutDevice {
    /// By the owner's names for them.
    Manufacturer(Vec<String>),
    /// Model or product line, as the subject of the IDevID names it.
    Model(Vec<Glob>),
    Serial(Vec<Glob>),
}

impl AboutDevice {
    pub(super) fn test(&self, view: &View<'_>) -> Outcome {
        match self {
            Self::Manufacturer(wanted) => {
                let holds = wanted.iter().any(|name| name == view.manufacturer);
                Outcome::decide(holds, format!("manufacturer is {}", view.manufacturer), &any_of(wanted))
            }
            Self::Model(wanted) => {
                let Some(idevid) = view.idevid else { return Outcome::Fails("the model is not known without the IDevID".to_owned()) };
                let models = idevid.models();
                let holds = models.iter().any(|model| wanted.iter().any(|glob| glob.matches(model)));
                let found = match models.is_empty() {
                    true => "the IDevID names no model".to_owned(),
                    false => format!("model is {}", any_of(&models)),
                };
                Outcome::decide(holds, found, &any_of(wanted))
            }
            Self::Serial(wanted) => {
                let serial = &view.device.serial;
                Outcome::decide(wanted.iter().any(|glob| glob.matches(serial.as_str())), format!("serial is {serial}"), &any_of(wanted))
            }
        }
    }

    pub(super) fn restriction_in_words(&self) -> String {
        match self {
            Self::Manufacturer(wanted) => format!("from {}", any_of(wanted)),
            Self::Model(wanted) => format!("of model {}", any_of(wanted)),
            Self::Serial(wanted) => format!("with serial number {}", any_of(wanted)),
        }
    }
}
