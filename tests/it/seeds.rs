//! Every seed of the fuzzer through the properties that it checks, without a fuzzer.

use std::path::Path;

use crate::properties;

/// Returns the seeds of a family.
fn seeds(family: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(family);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut seeds: Vec<_> = files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    seeds.sort();
    seeds
}

#[test]
fn properties_hold_for_every_seed() {
    for (family, check) in properties::ALL {
        let seeds = seeds(family);
        assert!(seeds.len() >= 5, "{family} has {} seeds", seeds.len());
        for (name, bytes) in seeds {
            println!("{name}");
            check(&bytes);
            // Half of it, as a crash or a cut connection leaves it.
            check(&bytes[..bytes.len() / 2]);
        }
    }
}
