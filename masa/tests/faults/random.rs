//! Random numbers that come again: whoever has the seed has the run.

/// The generator of Steele, Lea and Flood (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    /// From the environment variable `FAULTS_SEED`, or from the system. It is printed, so that a failure can be had again.
    pub(crate) fn seeded(what: &str) -> Self {
        let from_environment = std::env::var("FAULTS_SEED").ok().map(|seed| seed.parse().expect("FAULTS_SEED is a number"));
        let seed = from_environment.unwrap_or_else(|| {
            let mut octets = [0; 8];
            aws_lc_rs::rand::fill(&mut octets).unwrap();
            // Short enough to be typed.
            u64::from_be_bytes(octets) >> 32
        });
        eprintln!("{what}: FAULTS_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
