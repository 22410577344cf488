//! `bench <profile.kvp> [tokens]` or `bench <profile.kvp> <planes file> <first position>`: encode and decode of one chunk
//! with planes drawn from the profile's own statistics, or real ones (u16 little-endian). Prints medians in milliseconds per 1,000 tokens; the answer is checked before it is timed.

use std::hint::black_box;
use std::time::Instant;

use kvedge_codec::{
    cut_level, decode_chunk, decode_indices, encode_chunk, DecodeOptions, EncodeRequest, Header, Limits,
    Profile,
};

type Error = Box<dyn std::error::Error>;
const ROUNDS: usize = 9;

/// A chunk whose coefficients have the deviations that the class map says, made by decoding a made-up one: Laplace-like
/// coefficients through U, means and weights.
fn sample_planes(profile: &Profile, tokens: usize) -> Vec<u16> {
    let mut state = 88_172_645_463_325_252u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let geometry = profile.geometry;
    let mut planes: Vec<Vec<f32>> =
        (0..geometry.planes()).map(|p| vec![0.0; geometry.plane_dim(p) * tokens]).collect();
    for group in &profile.groups {
        for (column, exponent) in group.basis.chunks_exact(group.dim).zip(&group.scale_exponents) {
            // Class k stands for deviations of about 0.05 * 3^(k / 8) steps; good enough for timing.
            let deviation = profile.base_step * 0.05 * 3f32.powf(f32::from(*exponent) / 8.0);
            for token in 0..tokens {
                let y = (0..4).map(|_| uniform() - 0.5).sum::<f32>() * 1.7 * deviation;
                for member in &group.members {
                    let rows = &column[member.row..member.row + member.dim];
                    let target = &mut planes[member.plane][token * member.dim..(token + 1) * member.dim];
                    target.iter_mut().zip(rows).for_each(|(value, u)| *value += u * y);
                }
            }
        }
    }
    for (values, statistics) in planes.iter_mut().zip(&profile.planes) {
        for row in values.chunks_exact_mut(statistics.mean.len()) {
            for ((value, mean), weight) in row.iter_mut().zip(&statistics.mean).zip(&statistics.weight) {
                *value = (mean + *value / weight).clamp(-60000.0, 60000.0);
            }
        }
    }
    planes.concat().into_iter().map(|value| half::f16::from_f32(value).to_bits()).collect()
}

fn time(name: &str, tokens: usize, mut work: impl FnMut()) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6 / tokens as f64
        })
        .collect();
    let raw: Vec<String> = times.iter().map(|ms| format!("{ms:.1}")).collect();
    times.sort_by(f64::total_cmp);
    println!("{name:28} {:8.1} ms / 1000 tokens   raw {}", times[ROUNDS / 2], raw.join(" "));
}

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).ok_or("usage: bench <profile.kvp> [planes file | tokens]")?;
    let file = std::fs::read(path)?;
    let limits = Limits::default();
    let start = Instant::now();
    let profile = Profile::parse(&file, &limits)?;
    println!("load profile {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let argument = std::env::args().nth(2).unwrap_or_else(|| "256".into());
    let planes: Vec<u16> = match argument.parse::<usize>() {
        Ok(tokens) => sample_planes(&profile, tokens),
        Err(_) => {
            std::fs::read(argument)?.as_chunks::<2>().0.iter().map(|&b| u16::from_le_bytes(b)).collect()
        }
    };
    let first_position = std::env::args().nth(3).map_or(Ok(0), |position| position.parse())?;
    let tokens = planes.len() / profile.geometry.values_per_token();
    let request = EncodeRequest {
        planes: &planes,
        first_position,
        token_count: tokens,
        chunk_id: [0; 32],
        exact_first_token: false,
        first_token_id: 0,
        only_level: None,
    };
    let chunk = encode_chunk(&profile, &request, &limits)?;
    let header = Header::parse(&chunk)?;
    let values = planes.len() as f64;
    for level in &header.levels {
        let bits = f64::from(level.end_offset) * 8.0 / values;
        println!(
            "{:16} {:8} bytes {bits:.3} bits/value, predicted KLD {:.5}",
            level.name, level.end_offset, level.predicted_kld
        );
    }
    println!(
        "segments {} header {} prelude {}",
        header.segments.len(),
        header.header_bytes,
        header.prelude_bytes
    );
    time("encode", tokens, || drop(black_box(encode_chunk(&profile, &request, &limits))));
    for level in &header.levels {
        let cut = cut_level(&chunk, &level.name)?;
        let options = DecodeOptions::default();
        assert_eq!(decode_chunk(&profile, cut, options, &limits)?.len(), planes.len());
        time(&format!("decode {}", level.name), tokens, || {
            drop(black_box(decode_chunk(&profile, cut, options, &limits)))
        });
        time(&format!("  entropy only {}", level.name), tokens, || {
            drop(black_box(decode_indices(&profile, cut, options, &limits)));
        });
    }
    Ok(())
}
