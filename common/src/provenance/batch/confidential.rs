//! What no report may tell, however it is called: the numbers k and n of a split secret, and who its key executives are (taxonomy, section 5.3.1).

/// Whether a field or column of this name asks for what is confidential for good.
pub(super) fn is_confidential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let squeezed = parts.concat();
    parts.iter().any(|part| matches!(*part, "k" | "n" | "m" | "kofn" | "mofn")) || NAMES.iter().any(|known| squeezed.contains(known))
}

// Parts of names, without what stands between words.
const NAMES: &[&str] = &["share", "shamir", "threshold", "quorum", "executive", "custodian", "keyholder", "trustee"];

/// Why such a field is refused.
pub(super) const REFUSED: &str = "the numbers k and n of a split secret and its key executives are confidential for good (taxonomy, section 5.3.1) and are never taken; \
                                  only n-k may be told, as identity-shared-split-extra";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::Question;

    #[test]
    fn split_and_executives_are_known_under_many_names() {
        for name in
            ["k", "N", "k-of-n", "split_k", "shares", "share-count", "total_shares", "threshold", "Key Executives", "key-executive", "custodians", "quorum"]
        {
            assert!(is_confidential(name), "{name}");
        }
    }

    #[test]
    fn names_of_other_things_are_not_taken_for_them() {
        for name in ["kind", "line", "station", "batch", "pki-breadth", "origin", "key", "lock", "made-at"] {
            assert!(!is_confidential(name), "{name}");
        }
    }

    #[test]
    fn the_question_about_n_minus_k_has_a_name_that_would_be_refused_if_it_were_unknown() {
        assert!(is_confidential(Question::IdentitySharedSplitExtra.name()));
    }
}
