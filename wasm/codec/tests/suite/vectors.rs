//! Committed vectors decode for ever; their twins in `invalid/` give the error that their name starts with.

use std::fs;
use std::path::{Path, PathBuf};

use kvedge_codec::{decode_chunk, validate_chunk, Cachegen, Limits, Profile};

use crate::case::ALL;

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/vectors").join(folder);
    let entries = fs::read_dir(root).expect("test/vectors").map(|entry| entry.unwrap().path());
    let wanted = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
    let mut paths: Vec<PathBuf> = entries.filter(wanted).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn name(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// fp16 numbers next to each other have neighbouring keys.
fn ordered(bits: u16) -> i32 {
    let magnitude = i32::from(bits & 0x7fff);
    if bits & 0x8000 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

#[test]
fn old_chunks_decode_to_their_planes() {
    for path in files("", "kvl") {
        // `<name>.<cut>.kvl` was cut from `<name>.kvl` and has its profile.
        let profile_name = name(&path).split('.').next().unwrap();
        let file = fs::read(path.with_file_name(format!("{profile_name}.kvp"))).unwrap();
        let profile = Profile::parse(&file, &Limits::default()).unwrap();
        let decoded = decode_chunk(&profile, &fs::read(&path).unwrap(), ALL, &Limits::default()).unwrap();
        assert_planes(&path, &decoded);
    }
}

fn assert_planes(path: &Path, decoded: &[u16]) {
    let expected = fs::read(path.with_extension("planes")).unwrap();
    let expected: Vec<u16> =
        expected.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
    assert_eq!(decoded.len(), expected.len());
    for (at, (&got, &expected)) in decoded.iter().zip(&expected).enumerate() {
        // The order of additions is free: last bits may differ, more where a sum cancels.
        let small = half::f16::from_bits(got).to_f32() - half::f16::from_bits(expected).to_f32();
        let close = (ordered(got) - ordered(expected)).abs() <= 1 || small.abs() < 1e-2;
        assert!(close, "{} value {at}: {got:#x} for {expected:#x}", name(path));
    }
}

#[test]
fn old_chunks_of_codec_2_decode_to_their_planes() {
    let codec = Cachegen::new(&[0x2a; 32], &[2, 2, 6, 3]).unwrap();
    for path in files("cachegen", "kvl") {
        let chunk = fs::read(&path).unwrap();
        assert_planes(&path, &codec.decode_chunk(&chunk, ALL, &Limits::default()).unwrap());
    }
}

#[test]
fn invalid_chunks_of_codec_2_give_their_error() {
    let codec = Cachegen::new(&[0x2a; 32], &[2, 2, 6, 3]).unwrap();
    for path in files("cachegen/invalid", "kvl") {
        let expected = name(&path).split("--").next().unwrap();
        let chunk = fs::read(&path).unwrap();
        let decoded =
            codec.decode_chunk(&chunk, ALL, &Limits::default()).map_err(|error| error.code().as_str());
        let validated = validate_chunk(&chunk).map_err(|error| error.code().as_str());
        if expected == "valid" {
            assert!(decoded.is_ok() && validated.is_ok());
            continue;
        }
        assert_eq!(decoded.unwrap_err(), expected, "{}", name(&path));
        assert_eq!(validated.err(), (expected != "wrong-profile").then_some(expected), "{}", name(&path));
    }
}

#[test]
fn invalid_chunks_give_their_error() {
    for path in files("invalid", "kvl") {
        let expected = name(&path).split("--").next().unwrap();
        let file = fs::read(path.with_file_name("valid.kvp")).unwrap();
        let profile = Profile::parse(&file, &Limits::default()).unwrap();
        let chunk = fs::read(&path).unwrap();
        let decoded = decode_chunk(&profile, &chunk, ALL, &Limits::default());
        let validated = validate_chunk(&chunk);
        match expected {
            "valid" => assert!(decoded.is_ok() && validated.is_ok()),
            "wrong-profile" => {
                assert!(validated.is_ok(), "{}", name(&path));
                assert_eq!(decoded.unwrap_err().code().as_str(), expected, "{}", name(&path));
            }
            _ => {
                assert_eq!(decoded.unwrap_err().code().as_str(), expected, "{}", name(&path));
                assert_eq!(validated.unwrap_err().code().as_str(), expected, "{}", name(&path));
            }
        }
    }
}

#[test]
fn invalid_profiles_give_their_error() {
    for path in files("invalid", "kvp") {
        let expected = name(&path).split("--").next().unwrap();
        let parsed = Profile::parse(&fs::read(&path).unwrap(), &Limits::default());
        match expected {
            "valid" => assert!(parsed.is_ok()),
            _ => assert_eq!(parsed.unwrap_err().code().as_str(), expected, "{}", name(&path)),
        }
    }
}
