//! Planes to a chunk object with every level.

use kvedge_codec_simd::{coarser, Backend};

use super::classes::ClassCounts;
use super::layout::{group_count, planes_of, TokenSpans, BANDS};
use super::predict::power;
use super::quantize::Quantized;
use super::segment::code_segment;
use super::tables::{Tables, CLASSES_PER_PASS, GAINS, MAX_CLASS};
use super::Cachegen;
use crate::container::header::{Header, Level, Segment, CACHEGEN};
use crate::encode::{check_planes, first_rows};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::{Budget, Limits, MAX_CLASSES};
use crate::par;

const LEVEL_NAMES: [&str; 3] = ["draft", "standard", "high"];
/// Tokens from one anchor to the next, as in the paper.
const ANCHOR_SPAN: usize = 10;
/// Nats per token that a decoded cache loses per unit of mean relative squared error: a rough figure, of one small model.
const KLD_PER_RELATIVE_ERROR: f64 = 0.35;

pub struct CachegenRequest<'a> {
    /// fp16 bit patterns in the order of section 2.
    pub planes: &'a [u16],
    pub first_position: u32,
    /// 1 to 256.
    pub token_count: usize,
    /// Section 3.
    pub chunk_id: [u8; 32],
    /// True for the first chunk of a context: its first token is stored exactly.
    pub exact_first_token: bool,
    /// Encode just this level, with no lower one inside it; default: every level.
    pub only_level: Option<&'a str>,
}

/// A segment that is coded.
struct Coded {
    group: u8,
    band: u8,
    pass: u8,
    slope: f32,
    bytes: Vec<u8>,
}

impl Cachegen {
    /// Encodes up to 256 tokens into one chunk object.
    pub fn encode_chunk(&self, request: &CachegenRequest<'_>, limits: &Limits) -> Result<Vec<u8>> {
        check_planes(&self.geometry, request.planes, request.token_count)?;
        let (names, divisor) = levels(request.only_level)?;
        let values = self.geometry.values_per_token() * request.token_count;
        let budget = &mut Budget::new(limits);
        // f32 rows, finest indices, and indices with their parents while a segment is coded.
        budget.draw("values and indices", values, 16)?;
        budget.draw("coded segments", values, 4)?;

        let copied = usize::from(request.exact_first_token);
        let spans = TokenSpans { tokens: request.token_count - copied, span: ANCHOR_SPAN };
        let passes = names.len() as u8;
        let quantize = |plane| {
            let dim = self.geometry.plane_dim(plane);
            let start = self.geometry.plane_offset(plane) * request.token_count;
            let rows = &request.planes[start..start + dim * request.token_count];
            Quantized::new(&rows[copied * dim..], dim, &spans, divisor, passes)
        };
        let quantized = par::map((0..self.geometry.planes()).collect(), quantize);
        let first_token = request
            .exact_first_token
            .then(|| first_rows(&self.geometry, request.planes, request.token_count));
        let mut tables = Tables {
            first_token,
            spans,
            anchor_shifts: anchor_shifts(&quantized),
            planes: quantized.iter().map(|plane| plane.tables.clone()).collect(),
            classes: Vec::new(),
        };
        fit_classes(&mut tables, &quantized, passes)?;
        let coded = match spans.tokens {
            0 => Vec::new(),
            _ => self.code(&tables, &quantized, passes)?,
        };
        self.assemble(request, &tables, names, &quantized, coded)
    }

    /// Every (group, band) at every pass.
    fn code(&self, tables: &Tables, quantized: &[Quantized], passes: u8) -> Result<Vec<Coded>> {
        let groups = 0..group_count(self.geometry.layers);
        let jobs = groups.flat_map(|group| (0..BANDS).map(move |band| (group as u8, band))).collect();
        let code = |(group, band): (u8, usize)| {
            let planes: Vec<&Quantized> =
                planes_of(&self.geometry, group, band).map(|plane| &quantized[plane]).collect();
            let channels: Vec<u8> =
                planes.iter().flat_map(|plane| plane.tables.channels.iter().copied()).collect();
            let mut indices: Vec<i32> =
                planes.iter().flat_map(|plane| plane.finest.iter().copied()).collect();
            let mut coded = Vec::new();
            for pass in (0..passes).rev() {
                let parents = (pass > 0).then(|| {
                    let mut parents = vec![0; indices.len()];
                    coarser(Backend::current(), &indices, &mut parents);
                    parents
                });
                let bytes = code_segment(tables, &channels, pass, &indices, parents.as_deref())?;
                let error = |at: usize| planes.iter().map(|plane| plane.errors[at]).sum::<f64>();
                let gain = error(usize::from(pass)) - error(usize::from(pass) + 1);
                let slope = ((gain / bytes.len() as f64) as f32).clamp(0.0, f32::MAX);
                coded.push(Coded { group, band: band as u8, pass, slope, bytes });
                indices = parents.unwrap_or_default();
            }
            Ok(coded)
        };
        let coded: Result<Vec<Vec<Coded>>> = par::map(jobs, code).into_iter().collect();
        let mut coded: Vec<Coded> = coded?.into_iter().flatten().collect();
        // By level, then by falling slope.
        coded.sort_by(|a, b| a.pass.cmp(&b.pass).then(b.slope.total_cmp(&a.slope)));
        Ok(coded)
    }

    fn assemble(
        &self,
        request: &CachegenRequest<'_>,
        tables: &Tables,
        names: &[&str],
        quantized: &[Quantized],
        coded: Vec<Coded>,
    ) -> Result<Vec<u8>> {
        let prelude = tables.to_bytes();
        let level = |(pass, name): (usize, &&str)| Level {
            name: (*name).to_owned(),
            end_offset: 0,
            predicted_kld: predicted_kld(quantized, pass),
        };
        let segment = |coded: &Coded| Segment {
            group: coded.group,
            band: coded.band,
            pass: coded.pass,
            slope_bits: (coded.slope.to_bits() >> 16) as u16,
            bytes: coded.bytes.len() as u32,
            offset: 0,
        };
        let mut header = Header {
            codec: CACHEGEN,
            subset: false,
            header_bytes: 0,
            prelude_bytes: prelude.len() as u32,
            model_fingerprint: self.model_fingerprint,
            profile_id: [0; 32],
            chunk_id: request.chunk_id,
            first_position: request.first_position,
            token_count: request.token_count as u16,
            geometry: self.geometry,
            levels: names.iter().enumerate().map(level).collect(),
            segments: coded.iter().map(segment).collect(),
        };
        let within = |pass: usize| coded.iter().filter(|coded| usize::from(coded.pass) <= pass).count();
        let level_segments: Vec<usize> = (0..names.len()).map(within).collect();
        let mut out = header.write(&level_segments)?;
        out.reserve_exact(header.object_bytes() as usize - out.len());
        out.extend(prelude);
        coded.iter().for_each(|coded| out.extend(&coded.bytes));
        Ok(out)
    }
}

/// Names of the levels to encode, and by how much the first step is finer than that of `draft`.
fn levels(only: Option<&str>) -> Result<(&'static [&'static str], f32)> {
    let Some(name) = only else { return Ok((&LEVEL_NAMES, 1.0)) };
    match LEVEL_NAMES.iter().position(|known| *known == name) {
        Some(level) => Ok((&LEVEL_NAMES[level..=level], power(level as u8))),
        None => Err(Error::expected(ErrorCode::UnknownLevel, "onlyLevel", LEVEL_NAMES.join(", "), name)),
    }
}

fn anchor_shifts(quantized: &[Quantized]) -> [i8; GAINS] {
    std::array::from_fn(|gain| {
        let (sum, count) = quantized.iter().fold((0.0, 0), |(sum, count), plane| {
            let (own, of) = plane.anchor_shifts[gain];
            (sum + own, count + of)
        });
        if count == 0 {
            0
        } else {
            (sum / count as f32).round() as i8
        }
    })
}

/// Counts symbols by class, and fits the tables; there are no more classes than symbols need.
fn fit_classes(tables: &mut Tables, quantized: &[Quantized], passes: u8) -> Result<()> {
    let channels = quantized.iter().flat_map(|plane| &plane.tables.channels);
    let highest = channels.map(|channel| i32::from(channel & MAX_CLASS)).max().unwrap_or(0);
    let shift = i32::from(tables.anchor_shifts.iter().copied().max().unwrap_or(0).max(0));
    let count = (highest + shift + CLASSES_PER_PASS * i32::from(passes - 1) + 1).min(i32::from(MAX_CLASSES));
    let mut counts = ClassCounts::new(count as usize);
    let tokens = tables.spans.tokens;
    if tokens > 0 {
        for plane in quantized {
            let columns = plane.finest.chunks_exact(tokens);
            for (&channel, finest) in plane.tables.channels.iter().zip(columns) {
                counts.add_channel(channel, &tables.anchor_shifts, tables.spans.anchors(), passes, finest);
            }
        }
    }
    counts.set_classes(tables)
}

fn predicted_kld(quantized: &[Quantized], pass: usize) -> f32 {
    let relative = |plane: &Quantized| match plane.energy {
        energy if energy > 0.0 => plane.errors[pass + 1] / energy,
        _ => 0.0,
    };
    let mean = quantized.iter().map(relative).sum::<f64>() / quantized.len() as f64;
    (KLD_PER_RELATIVE_ERROR * mean).clamp(0.0, f64::from(f32::MAX)) as f32
}
