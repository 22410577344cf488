//! What others do with the same planes: lz4 on fp16 and on int8 bytes, and entropy coding of 32 bins with one stream
//! per layer and channel, as LMCache's CacheGen does on the GPU, with constriction's range coder and rANS.

use constriction::stream::model::{
    SmallContiguousCategoricalEntropyModel, SmallContiguousLookupDecoderModel,
};
use constriction::stream::queue::{SmallRangeDecoder, SmallRangeEncoder};
use constriction::stream::stack::SmallAnsCoder;
use constriction::stream::{Decode, Encode};
use kvedge_codec::Geometry;

use crate::Error;

const BINS: usize = 32;
const INT8_GROUP: usize = 32;

pub struct Peer<'a> {
    pub name: &'static str,
    pub bytes: usize,
    pub encode: Box<dyn Fn() + 'a>,
    pub decode: Box<dyn Fn() + 'a>,
}

/// Every peer, its round trip checked.
pub fn all<'a>(chunks: &[&[u16]], geometry: &Geometry) -> Result<Vec<Peer<'a>>, Error> {
    let fp16 = chunks.iter().flat_map(|planes| planes.iter().flat_map(|value| value.to_le_bytes())).collect();
    let values =
        || chunks.iter().flat_map(|planes| planes.iter().map(|&bits| half::f16::from_bits(bits).to_f32()));
    let int8 = int8(&values().collect::<Vec<f32>>());
    let channels: Vec<Channel> = chunks.iter().flat_map(|planes| bin(planes, geometry)).collect();
    Ok(vec![lz4("lz4-fp16", fp16)?, lz4("lz4-int8", int8)?, range_coder(channels.clone())?, rans(channels)?])
}

fn lz4<'a>(name: &'static str, raw: Vec<u8>) -> Result<Peer<'a>, Error> {
    let packed = lz4_flex::compress(&raw);
    let size = raw.len();
    if lz4_flex::decompress(&packed, size)? != raw {
        return Err(format!("{name} does not round-trip").into());
    }
    Ok(Peer {
        name,
        bytes: packed.len(),
        encode: Box::new(move || drop(std::hint::black_box(lz4_flex::compress(&raw)))),
        decode: Box::new(move || drop(std::hint::black_box(lz4_flex::decompress(&packed, size)))),
    })
}

/// Groups of 32 values with one scale, the scale left out.
fn int8(values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len());
    for group in values.chunks(INT8_GROUP) {
        let largest = group.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
        bytes.extend(group.iter().map(|value| (value / largest * 127.0).round() as i8 as u8));
    }
    bytes
}

/// Bins of one channel of one plane, token after token, with their distribution.
#[derive(Clone)]
struct Channel {
    bins: Vec<usize>,
    encoder: SmallContiguousCategoricalEntropyModel,
    decoder: SmallContiguousLookupDecoderModel,
}

fn bin(planes: &[u16], geometry: &Geometry) -> Vec<Channel> {
    let tokens = planes.len() / geometry.values_per_token();
    let mut channels = Vec::new();
    for plane in 0..geometry.planes() {
        let (dim, start) = (geometry.plane_dim(plane), geometry.plane_offset(plane) * tokens);
        for channel in 0..dim {
            let values: Vec<f32> = (0..tokens)
                .map(|token| half::f16::from_bits(planes[start + token * dim + channel]).to_f32())
                .collect();
            let largest = values.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
            let scaled = |value: &f32| ((value / largest + 1.0) / 2.0 * (BINS - 1) as f32).round() as usize;
            let bins: Vec<usize> = values.iter().map(scaled).collect();
            let mut counts = [0.5f32; BINS];
            bins.iter().for_each(|&bin| counts[bin] += 1.0);
            let encoder =
                SmallContiguousCategoricalEntropyModel::from_floating_point_probabilities_fast(&counts, None);
            let decoder =
                SmallContiguousLookupDecoderModel::from_floating_point_probabilities_fast(&counts, None);
            if let (Ok(encoder), Ok(decoder)) = (encoder, decoder) {
                channels.push(Channel { bins, encoder, decoder });
            }
        }
    }
    channels
}

fn range_coder<'a>(channels: Vec<Channel>) -> Result<Peer<'a>, Error> {
    let encode = |channel: &Channel| -> Vec<u16> {
        let mut coder = SmallRangeEncoder::new();
        let coded = coder.encode_iid_symbols(&channel.bins, &channel.encoder);
        coded.map(|()| coder.into_compressed().unwrap_or_default()).unwrap_or_default()
    };
    let decode = |channel: &Channel, packed: Vec<u16>| -> Vec<usize> {
        let Ok(mut coder) = SmallRangeDecoder::from_compressed(packed);
        coder.decode_iid_symbols(channel.bins.len(), &channel.decoder).map_while(Result::ok).collect()
    };
    streams("channels-range-coder", channels, encode, decode)
}

fn rans<'a>(channels: Vec<Channel>) -> Result<Peer<'a>, Error> {
    let encode = |channel: &Channel| -> Vec<u16> {
        let mut coder = SmallAnsCoder::new();
        let coded = coder.encode_iid_symbols_reverse(&channel.bins, &channel.encoder);
        coded.map(|()| coder.into_compressed().unwrap_or_default()).unwrap_or_default()
    };
    let decode = |channel: &Channel, packed: Vec<u16>| -> Vec<usize> {
        let Ok(mut coder) = SmallAnsCoder::from_compressed(packed) else { return Vec::new() };
        coder.decode_iid_symbols(channel.bins.len(), &channel.decoder).map_while(Result::ok).collect()
    };
    streams("channels-rans", channels, encode, decode)
}

fn streams<'a>(
    name: &'static str,
    channels: Vec<Channel>,
    encode: impl Fn(&Channel) -> Vec<u16> + 'a,
    decode: impl Fn(&Channel, Vec<u16>) -> Vec<usize> + 'a,
) -> Result<Peer<'a>, Error> {
    let packed: Vec<Vec<u16>> = channels.iter().map(&encode).collect();
    if channels.iter().zip(&packed).any(|(channel, packed)| decode(channel, packed.clone()) != channel.bins) {
        return Err(format!("{name} does not round-trip").into());
    }
    let channels = std::rc::Rc::new(channels);
    let bytes = 2 * packed.iter().map(Vec::len).sum::<usize>();
    let same = channels.clone();
    Ok(Peer {
        name,
        bytes,
        encode: Box::new(move || same.iter().for_each(|channel| drop(std::hint::black_box(encode(channel))))),
        decode: Box::new(move || {
            let pairs = channels.iter().zip(&packed);
            pairs.for_each(|(channel, packed)| drop(std::hint::black_box(decode(channel, packed.clone()))));
        }),
    })
}
