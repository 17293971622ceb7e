//! What a device, a secure element or its vendor says of a key on their own authority (RFC 9334, *evidence* and *endorsement*): one file a format.

mod delivery_list;

pub use delivery_list::{DeliveredElement, DeliveryList};
