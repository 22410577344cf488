//! Planes to a chunk object with every level.

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use super::classes::ClassCounts;
use super::layout::{group_count, planes_of, TokenSpans, BANDS};
use super::predict::{power, Channel};
use super::segment::code_segment;
use super::tables::{PlaneTables, Tables, CLASSES_PER_PASS, CLASS_BITS, GAINS, MAX_CLASS};
use super::Cachegen;
use crate::container::header::{Header, Level, Segment, CACHEGEN};
use crate::encode::{check_planes, first_rows};
use crate::error::{Error, ErrorCode, Result};
use crate::ladder::coarser;
use crate::limits::{Budget, Limits, MAX_CLASSES};
use crate::par;

const LEVEL_NAMES: [&str; 3] = ["draft", "standard", "high"];
/// Tokens from one anchor to the next, as in the paper.
const ANCHOR_SPAN: usize = 10;
/// Step at pass 0 over a plane's deviation. Coarser steps for deeper layers, as in the paper, were measured and lost.
const STEP_PER_DEVIATION: f32 = 1.5;
/// Means cost a byte a channel; fewer tokens do not pay for them.
const MIN_TOKENS_FOR_MEANS: usize = 16;
/// Deviation of class 0 over the step is 3^-3.
const FIRST_CLASS_PASSES: f32 = 3.0;
/// Indices at pass 0 stay below 2^15, well within what escapes can code.
const MAX_INDEX: f32 = 32768.0;
const SMALLEST_STEP: f32 = 1.0 / 16_777_216.0;
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

/// A plane that is quantized but not coded yet.
struct Quantized {
    tables: PlaneTables,
    /// Indices at the last pass, n per channel with anchors first.
    finest: Vec<i32>,
    /// Mean class difference of anchors by gain: sum and count.
    anchor_shifts: [(f32, u32); GAINS],
    /// Squared error without any pass, then after each, over the squared step.
    errors: Vec<f64>,
    /// Squared deviation from the means over the squared step.
    energy: f64,
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
        let quantize = |plane| self.quantize(request, plane, copied, &spans, divisor, passes);
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

    fn quantize(
        &self,
        request: &CachegenRequest<'_>,
        plane: usize,
        copied: usize,
        spans: &TokenSpans,
        divisor: f32,
        passes: u8,
    ) -> Quantized {
        let dim = self.geometry.plane_dim(plane);
        let start = self.geometry.plane_offset(plane) * request.token_count;
        let bits = &request.planes[start..start + dim * request.token_count][copied * dim..];
        let mut rows = vec![0.0f32; bits.len()];
        bits.reinterpret_cast::<half::f16>().convert_to_f32_slice(&mut rows);
        let (means, deviation, largest) = statistics(&rows, dim);
        let step = (deviation * STEP_PER_DEVIATION / divisor).max(largest / MAX_INDEX).max(SMALLEST_STEP);

        let mean_step = match means.iter().fold(0.0f32, |most, mean| most.max(mean.abs())) / 127.0 {
            unit if spans.tokens >= MIN_TOKENS_FOR_MEANS && unit > SMALLEST_STEP => unit,
            _ => 0.0,
        };
        let means = match mean_step {
            0.0 => Vec::new(),
            unit => means.iter().map(|mean| (mean / unit).round() as i8).collect(),
        };
        let tables = PlaneTables { step, mean_step, channels: vec![0; dim], means };
        let count = usize::from(passes) + 1;
        let finest = vec![0; rows.len()];
        let mut plane = Quantized {
            tables,
            finest,
            anchor_shifts: [(0.0, 0); GAINS],
            errors: vec![0.0; count],
            energy: 0.0,
        };
        if spans.tokens > 0 {
            let places: Vec<usize> = (0..spans.tokens).map(|place| spans.token_at(place)).collect();
            let mut column = vec![0.0f32; spans.tokens];
            for channel in 0..dim {
                for (value, &token) in column.iter_mut().zip(&places) {
                    *value = rows[token * dim + channel];
                }
                plane.quantize_channel(channel, &column, spans, passes);
            }
        }
        plane
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
                let parents: Option<Vec<i32>> =
                    (pass > 0).then(|| indices.iter().map(|&index| coarser(index)).collect());
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

impl Quantized {
    /// `column`: the channel's values, anchors first.
    fn quantize_channel(&mut self, channel: usize, column: &[f32], spans: &TokenSpans, passes: u8) {
        let mean = self.tables.mean(channel);
        let gain = best_gain(column, mean, spans);
        self.tables.channels[channel] = gain << CLASS_BITS;
        let tokens = column.len();
        let anchors = spans.anchors();
        let finest = &mut self.finest[channel * tokens..(channel + 1) * tokens];
        let scale = power(passes - 1);
        let step = self.tables.step / scale;
        // What anchors predict does not depend on the pass.
        let predictor = Channel::new(&self.tables, channel, 0);
        for (index, &value) in finest.iter_mut().zip(&column[..anchors]) {
            *index = nearest((value - mean) / step);
        }
        let per_anchor = (spans.span - 1).max(1);
        let (anchor_indices, others) = finest.split_at_mut(anchors);
        let groups = others.chunks_mut(per_anchor).zip(column[anchors..].chunks(per_anchor));
        for ((indices, values), &anchor) in groups.zip(&*anchor_indices) {
            let base = (1..passes).fold(anchor, |index, _| coarser(index));
            let predicted = predictor.predict(base);
            for (index, value) in indices.iter_mut().zip(values) {
                *index = nearest((value - predicted) / step);
            }
        }

        let classes = [&finest[anchors..], &finest[..anchors]].map(|part| class_of(part, passes));
        let class = classes[0].or(classes[1]).unwrap_or(0.0);
        self.tables.channels[channel] |= (class.round() as u8).min(MAX_CLASS);
        if let [Some(others), Some(anchors)] = classes {
            let (sum, count) = &mut self.anchor_shifts[usize::from(gain)];
            *sum += anchors - others;
            *count += 1;
        }
        self.add_errors(channel, column, spans, passes);
    }

    fn add_errors(&mut self, channel: usize, column: &[f32], spans: &TokenSpans, passes: u8) {
        let tokens = column.len();
        let mut indices = self.finest[channel * tokens..(channel + 1) * tokens].to_vec();
        let mut values = vec![0.0f32; tokens];
        let unit = f64::from(self.tables.step) * f64::from(self.tables.step);
        let squared = |values: &[f32]| {
            let error = |(a, b): (&f32, &f32)| f64::from(a - b) * f64::from(a - b);
            values.iter().zip(column).map(error).sum::<f64>() / unit
        };
        for pass in (0..passes).rev() {
            let decoder = Channel::new(&self.tables, channel, pass);
            decoder.values(spans, &indices, &mut values);
            self.errors[usize::from(pass) + 1] += squared(&values);
            indices.iter_mut().for_each(|index| *index = coarser(*index));
        }
        values.fill(self.tables.mean(channel));
        self.errors[0] += squared(&values);
        self.energy += squared(&values);
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

/// Mean of each channel; root mean square deviation from them over all channels; largest magnitude.
fn statistics(rows: &[f32], dim: usize) -> (Vec<f32>, f32, f32) {
    let tokens = (rows.len() / dim).max(1) as f64;
    let mut sums = vec![(0.0f64, 0.0f64); dim];
    for row in rows.chunks_exact(dim) {
        for ((sum, squares), &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value);
            *squares += f64::from(value) * f64::from(value);
        }
    }
    let variance: f64 =
        sums.iter().map(|(sum, squares)| squares / tokens - (sum / tokens) * (sum / tokens)).sum();
    let means = sums.iter().map(|(sum, _)| (sum / tokens) as f32).collect();
    let largest = rows.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    (means, (variance / dim as f64).max(0.0).sqrt() as f32, largest)
}

/// Number of the gain with which anchors predict the tokens after them best.
fn best_gain(column: &[f32], mean: f32, spans: &TokenSpans) -> u8 {
    let (anchors, others) = column.split_at(spans.anchors());
    let (mut products, mut squares) = (0.0f32, 0.0f32);
    for (group, anchor) in others.chunks((spans.span - 1).max(1)).zip(anchors) {
        let anchor = anchor - mean;
        products += group.iter().map(|value| (value - mean) * anchor).sum::<f32>();
        squares += anchor * anchor * group.len() as f32;
    }
    let gain = if squares > 0.0 { products / squares } else { 0.0 };
    (gain * 3.0).round().clamp(0.0, 3.0) as u8
}

/// Class of the scale of indices at the last pass; `None` for no indices.
fn class_of(finest: &[i32], passes: u8) -> Option<f32> {
    if finest.is_empty() {
        return None;
    }
    let squares: f64 = finest.iter().map(|&index| f64::from(index) * f64::from(index)).sum();
    let deviation = (squares / finest.len() as f64).sqrt() as f32 / power(passes - 1);
    let class = CLASSES_PER_PASS as f32 * (deviation.log(3.0) + FIRST_CLASS_PASSES);
    Some(class.clamp(0.0, f32::from(MAX_CLASS)))
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

/// Rounds half away from zero.
fn nearest(scaled: f32) -> i32 {
    (scaled + 0.5f32.copysign(scaled)) as i32
}
