//! `stages <profile.kvp> <level> <rounds> <planes file>...`: what `npm run bench -- codec` runs for the native figures.
//!
//! Each file holds the fp16 planes (little-endian) of a chunk, one after the other from position 0. Answers are checked before anything is
//! timed; every round runs each stage once, in turns forwards and backwards. Prints one JSON object: milliseconds of
//! every round for all chunks together, and the sizes that they stand for.

mod cachegen;
mod peers;
mod timing;

use std::hint::black_box;

use kvedge_codec::{
    cut_level, decode_chunk, decode_coefficients, decode_indices, encode_chunk, Backend, DecodeOptions,
    EncodeRequest, Header, Limits, Profile,
};
use kvedge_codec_simd::{matmul_add, Matrix, MatrixMut};
use rayon::ThreadPool;
use timing::{Stage, Timings};

type Error = Box<dyn std::error::Error>;

/// Shape of the product whose speed is called the machine's peak: that of a chunk and a group of four layers.
const GEMM: (usize, usize, usize) = (256, 1536, 1536);
const WHOLE: DecodeOptions<'static> = DecodeOptions { level: None, partial: false };

struct Chunk {
    planes: Vec<u16>,
    first_position: u32,
    /// The object up to the measured level.
    cut: Vec<u8>,
}

fn encode(profile: &Profile, planes: &[u16], first_position: u32) -> Result<Vec<u8>, kvedge_codec::Error> {
    let request = EncodeRequest {
        planes,
        first_position,
        token_count: planes.len() / profile.geometry.values_per_token(),
        chunk_id: [0; 32],
        exact_first_token: first_position == 0,
        first_token_id: u32::MAX,
        only_level: None,
    };
    encode_chunk(profile, &request, &Limits::default())
}

fn read_chunks(profile: &Profile, level: &str, paths: &[String]) -> Result<Vec<Chunk>, Error> {
    let mut first_position = 0;
    let mut chunks = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path)?;
        let planes: Vec<u16> =
            bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
        let tokens = planes.len() / profile.geometry.values_per_token();
        let cut = cut_level(&encode(profile, &planes, first_position)?, level)?.to_vec();
        chunks.push(Chunk { planes, first_position, cut });
        first_position += tokens as u32;
    }
    Ok(chunks)
}

/// Every backend gives the same integers, and the planes are those that were encoded but for the level's error.
fn verify(profile: &Profile, chunk: &Chunk) -> Result<(), Error> {
    let limits = Limits::default();
    let fastest = Backend::current();
    let expected = decode_indices(profile, &chunk.cut, WHOLE, &limits)?;
    for backend in Backend::available() {
        backend.force();
        if decode_indices(profile, &chunk.cut, WHOLE, &limits)? != expected {
            return Err(format!("{} decodes other integers than {}", backend.name(), fastest.name()).into());
        }
    }
    fastest.force();
    check_planes(chunk, &decode_chunk(profile, &chunk.cut, WHOLE, &limits)?)
}

/// The planes are those of the chunk but for a level's error.
fn check_planes(chunk: &Chunk, decoded: &[u16]) -> Result<(), Error> {
    let (mut error, mut energy) = (0.0, 0.0);
    for (&exact, &found) in chunk.planes.iter().zip(decoded) {
        let (exact, found) = (half::f16::from_bits(exact).to_f64(), half::f16::from_bits(found).to_f64());
        error += (exact - found).powi(2);
        energy += exact.powi(2);
    }
    match decoded.len() == chunk.planes.len() && error < 0.1 * energy {
        true => Ok(()),
        false => Err(format!("decoded planes are off by {:.3} of their energy", error / energy).into()),
    }
}

/// Symbols that the segments of a cut code.
fn symbols(profile: &Profile, chunk: &Chunk) -> Result<usize, Error> {
    let header = Header::parse(&chunk.cut)?;
    let copied = usize::from(chunk.first_position == 0);
    let held = header.segments.iter().filter(|segment| segment.end() as usize <= chunk.cut.len());
    let columns = |group: u8, band: u8| profile.groups[usize::from(group)].band(usize::from(band)).len();
    let total: usize = held.map(|segment| columns(segment.group, segment.band)).sum();
    Ok(total * (usize::from(header.token_count) - copied))
}

/// Multiply-adds of a chunk's inverse transform.
fn transform_products(profile: &Profile, chunk: &Chunk) -> Result<usize, Error> {
    let bands = decode_indices(profile, &chunk.cut, WHOLE, &Limits::default())?;
    Ok(bands.iter().map(|band| band.indices.len() * profile.groups[usize::from(band.group)].dim).sum())
}

fn gemm(sources: &(Vec<f32>, Vec<f32>), target: &mut [f32]) {
    let (m, n, k) = GEMM;
    matmul_add(
        MatrixMut { data: target, rows: m, columns: n, row_stride: n },
        Matrix { data: &sources.0, rows: m, columns: k, row_stride: k, column_stride: 1 },
        Matrix { data: &sources.1, rows: k, columns: n, row_stride: n, column_stride: 1 },
    );
}

fn on<'a>(pool: &'a ThreadPool, mut work: impl FnMut() + Send + 'a) -> Box<dyn FnMut() + 'a> {
    Box::new(move || pool.install(&mut work))
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [profile_path, level, rounds, paths @ ..] = arguments.as_slice() else {
        return Err("usage: stages <profile.kvp> <level> <rounds> <planes file>...".into());
    };
    let limits = Limits::default();
    let profile = Profile::parse(&std::fs::read(profile_path)?, &limits)?;
    let chunks = read_chunks(&profile, level, paths)?;
    let pools = [1, 2].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build());
    let [one, two] = pools;
    let (one, two) = (one?, two?);
    let (mut symbol_count, mut products) = (0, 0);
    for chunk in &chunks {
        verify(&profile, chunk)?;
        symbol_count += symbols(&profile, chunk)?;
        products += transform_products(&profile, chunk)?;
    }
    let fp16: Vec<u8> = chunks.iter().flat_map(|chunk| &chunk.planes).flat_map(|v| v.to_le_bytes()).collect();
    let tokens = fp16.len() / 2 / profile.geometry.values_per_token();

    let (m, n, k) = GEMM;
    let sources = (vec![0.5f32; m * k], vec![0.25f32; k * n]);
    let mut targets = [vec![0.0f32; m * n], vec![0.0f32; m * n], vec![0.0f32; m * n]];
    let [alone, left, right] = &mut targets;
    let mut copy = vec![0u8; fp16.len()];
    let peers = peers::all(
        &chunks.iter().map(|chunk| chunk.planes.as_slice()).collect::<Vec<_>>(),
        &profile.geometry,
    )?;
    let codec2 = cachegen::Coded::new(&profile, &chunks, level)?;
    let sizes = peers.iter().map(|peer| (peer.name, peer.bytes)).collect::<Vec<_>>();
    let fastest = Backend::current();
    let mut stages: Vec<Stage<'_>> = Vec::new();
    for (pool, name) in [(&one, "decode1"), (&two, "decode2")] {
        stages.push(Stage::new(
            name,
            on(pool, || {
                chunks
                    .iter()
                    .for_each(|chunk| drop(black_box(decode_chunk(&profile, &chunk.cut, WHOLE, &limits))));
            }),
        ));
    }
    for (pool, name) in [(&one, "encode1"), (&two, "encode2")] {
        stages.push(Stage::new(
            name,
            on(pool, || {
                for chunk in &chunks {
                    drop(black_box(encode(&profile, &chunk.planes, chunk.first_position)));
                }
            }),
        ));
    }
    stages.push(Stage::new("cachegen-encode", on(&one, || codec2.encode())));
    stages.push(Stage::new("cachegen-decode", on(&one, || codec2.decode())));
    for backend in Backend::available() {
        let (profile, chunks, limits) = (&profile, &chunks, &limits);
        stages.push(Stage::new(
            &format!("entropy-{}", backend.name()),
            on(&one, move || {
                backend.force();
                chunks.iter().for_each(|chunk| {
                    drop(black_box(decode_coefficients(profile, &chunk.cut, WHOLE, limits)))
                });
                fastest.force();
            }),
        ));
    }
    stages.push(Stage::new("gemm1", on(&one, || gemm(&sources, alone))));
    // Two products on two threads: twice the work of gemm1.
    stages.push(Stage::new(
        "gemm2",
        on(&two, || {
            rayon::join(|| gemm(&sources, left), || gemm(&sources, right));
        }),
    ));
    stages.push(Stage::new("memcpy", Box::new(|| copy.copy_from_slice(black_box(&fp16)))));
    for peer in &peers {
        stages.push(Stage::new(&format!("{}-encode", peer.name), Box::new(|| (peer.encode)())));
        stages.push(Stage::new(&format!("{}-decode", peer.name), Box::new(|| (peer.decode)())));
    }

    let mut timings = Timings::new(&stages);
    for round in 0..rounds.parse()? {
        timings.run_round(&mut stages, round);
    }
    let peer_bytes: Vec<String> = sizes.iter().map(|(name, bytes)| format!("\"{name}\":{bytes}")).collect();
    println!(
        "{{\"backend\":\"{}\",\"tokens\":{tokens},\"fp16Bytes\":{},\"levelBytes\":{},\"cachegenBytes\":{},\"symbols\":{symbol_count},\
         \"transformProducts\":{products},\"gemmProducts\":{},\"peerBytes\":{{{}}},\"rawMs\":{},\"rawCpuMs\":{}}}",
        fastest.name(),
        fp16.len(),
        chunks.iter().map(|chunk| chunk.cut.len()).sum::<usize>(),
        codec2.bytes(),
        m * n * k,
        peer_bytes.join(","),
        timings.wall_json(),
        timings.cpu_json(),
    );
    Ok(())
}
