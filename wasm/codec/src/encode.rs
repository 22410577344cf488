//! Planes to a chunk object with every level.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::bytes::is_finite_f16;
use crate::container::header::{Header, Level, Segment, LADDER};
use crate::container::prelude::{FirstTokenSource, Prelude, StepShifts};
use crate::error::{Error, ErrorCode, Result};
use crate::geometry::Geometry;
use crate::guard;
use crate::ladder::{plan_band, BandPlan, TokenOrder};
use crate::limits::{Budget, Limits, MAX_CHUNK_TOKENS, MAX_SEGMENTS};
use crate::par;
use crate::profile::Profile;
use crate::transform::analysis::{analyze, Planes};

pub struct EncodeRequest<'a> {
    /// fp16 bit patterns in the order of section 2.
    pub planes: &'a [u16],
    pub first_position: u32,
    /// 1 to 256.
    pub token_count: usize,
    /// Section 3.
    pub chunk_id: [u8; 32],
    /// True for the first chunk of a context: its first token is stored exactly.
    pub exact_first_token: bool,
    /// An entry of the profile's first-token table with this id is used when its planes are equal.
    pub first_token_id: u32,
    /// Encode just this level, with no lower one inside it; default: every level.
    pub only_level: Option<&'a str>,
}

impl EncodeRequest<'_> {
    /// Numbers of the levels to encode.
    fn levels(&self, profile: &Profile) -> Result<Range<usize>> {
        let Some(name) = self.only_level else { return Ok(0..profile.level_names.len()) };
        match profile.level_names.iter().position(|known| known == name) {
            Some(level) => Ok(level..level + 1),
            None => {
                let known = profile.level_names.join(", ");
                Err(Error::expected(ErrorCode::UnknownLevel, "onlyLevel", known, name))
            }
        }
    }

    /// Checks the size of a chunk id.
    pub fn chunk_id(bytes: &[u8]) -> Result<[u8; 32]> {
        bytes
            .try_into()
            .map_err(|_| Error::invalid_argument(format!("chunkId: expected 32 bytes, got {}", bytes.len())))
    }
}

/// Encodes up to 256 tokens into one chunk object.
pub fn encode_chunk(profile: &Profile, request: &EncodeRequest<'_>, limits: &Limits) -> Result<Vec<u8>> {
    check_planes(&profile.geometry, request.planes, request.token_count)?;
    let values = profile.geometry.values_per_token() * request.token_count;
    let ranks: usize = profile.groups.iter().map(|group| group.rank).sum();
    let budget = &mut Budget::new(limits);
    budget.draw("rows of groups that are analysed at once", values, 4)?;
    budget.draw("coefficients, and the same in sorted order", ranks * request.token_count, 8)?;
    let basis: usize = profile.groups.iter().map(|group| 2 * group.rank * (group.dim + group.rank)).sum();
    budget.draw("refined basis", basis, 4)?;
    budget.draw("indices of all bands", ranks * request.token_count, 4 * profile.level_names.len())?;

    let levels = request.levels(profile)?;
    let first_token = first_token(profile, request);
    let first_coded = usize::from(first_token != FirstTokenSource::Coded);
    let tokens = request.token_count - first_coded;
    let (shifts, plans) = if tokens == 0 {
        (StepShifts::shared(Vec::new()), Vec::new())
    } else {
        plan_groups(profile, request, &levels, first_coded, tokens)?
    };
    assemble(profile, request, levels, Prelude { first_token, shifts }, plans)
}

pub(crate) fn check_planes(geometry: &Geometry, planes: &[u16], token_count: usize) -> Result<()> {
    if token_count == 0 || token_count > MAX_CHUNK_TOKENS {
        return Err(Error::invalid_argument(format!(
            "tokenCount: expected 1 to {MAX_CHUNK_TOKENS}, got {token_count}"
        )));
    }
    let values = geometry.values_per_token() * token_count;
    if planes.len() != values {
        return Err(Error::invalid_argument(format!(
            "planes: expected {values} values, got {}",
            planes.len()
        )));
    }
    match planes.iter().position(|&bits| !is_finite_f16(bits)) {
        Some(at) => Err(Error::invalid_argument(format!("planes: value {at} is not a finite number"))),
        None => Ok(()),
    }
}

fn first_token(profile: &Profile, request: &EncodeRequest<'_>) -> FirstTokenSource {
    if !request.exact_first_token {
        return FirstTokenSource::Coded;
    }
    let planes = first_rows(&profile.geometry, request.planes, request.token_count);
    let known = profile.first_tokens.iter().position(|token| token.token_id == request.first_token_id);
    match known.filter(|&index| request.first_position == 0 && profile.first_tokens[index].planes == planes) {
        Some(index) => FirstTokenSource::Profile(index as u8),
        None => FirstTokenSource::Exact(planes),
    }
}

/// The planes of the first token alone.
pub(crate) fn first_rows(geometry: &Geometry, planes: &[u16], token_count: usize) -> Vec<u16> {
    let mut rows = Vec::with_capacity(geometry.values_per_token());
    for plane in 0..geometry.planes() {
        let start = geometry.plane_offset(plane) * token_count;
        rows.extend(&planes[start..start + geometry.plane_dim(plane)]);
    }
    rows
}

/// A planned (group, band).
pub(crate) struct PlannedBand {
    pub group: u8,
    pub band: u8,
    pub plan: BandPlan,
}

/// Shifts of the coded tokens, and the segments of every (group, band).
fn plan_groups(
    profile: &Profile,
    request: &EncodeRequest<'_>,
    levels: &Range<usize>,
    first_coded: usize,
    tokens: usize,
) -> Result<(StepShifts, Vec<PlannedBand>)> {
    let planes = Planes {
        values: request.planes,
        tokens: request.token_count,
        first_position: request.first_position,
        first_coded,
    };
    let coefficients = analyze(profile, &planes);
    let shifts = match &profile.predictor {
        None => StepShifts::shared(vec![0; tokens]),
        Some(predictor) => predictor.shifts(|group| coefficients.group(group), tokens),
    };
    let orders: Vec<TokenOrder> = shifts.rows.iter().map(|row| TokenOrder::new(row)).collect();
    let bands = profile.groups.iter().enumerate();
    let jobs: Vec<(usize, usize)> =
        bands.flat_map(|(group, of)| (0..of.band_ends.len()).map(move |band| (group, band))).collect();
    let plan = |slopes: &[f64]| -> Result<Vec<PlannedBand>> {
        let plans = par::map(jobs.clone(), |(group, band): (usize, usize)| {
            let columns = profile.groups[group].band(band);
            let order = &orders[shifts.row(group)];
            let unsorted = &coefficients.group(group)[columns.start * tokens..columns.end * tokens];
            let mut sorted = profile.scratch.take(unsorted.len());
            for (sorted, row) in sorted.chunks_exact_mut(tokens).zip(unsorted.chunks_exact(tokens)) {
                sorted.iter_mut().zip(&order.tokens).for_each(|(value, &token)| *value = row[token]);
            }
            let exponents = &profile.groups[group].scale_exponents[columns];
            let plan = plan_band(profile, levels.clone(), slopes, exponents, order, &sorted)?;
            Ok(PlannedBand { group: group as u8, band: band as u8, plan })
        });
        plans.into_iter().collect()
    };
    let bands = guard::plan_within(profile, levels, tokens, plan)?;
    Ok((shifts, bands))
}

/// A segment that may be written next: those before it in its band are.
struct Candidate {
    slope: f32,
    band: usize,
    number: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        // Steepest first; ties in order of band.
        self.slope.total_cmp(&other.slope).then(other.band.cmp(&self.band))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

fn candidate(profile: &Profile, bands: &[PlannedBand], band: usize, number: usize) -> Candidate {
    let segment = &bands[band].plan.segments[number];
    let unit = f64::from(profile.base_step) * f64::from(profile.base_step);
    let slope = (segment.gain / unit / segment.bytes.len() as f64) as f32;
    Candidate { slope: slope.clamp(0.0, f32::MAX), band, number }
}

/// What is written, and where its levels end.
struct Arrangement {
    /// By level, then by falling slope, each after those it depends on.
    segments: Vec<Candidate>,
    /// Segments up to the end of each level.
    level_segments: Vec<usize>,
    /// Squared error of each level.
    distortions: Vec<f64>,
}

/// Puts the segments in order. A segment beyond the most that an object can have is left out, with all that follow.
fn arrange(profile: &Profile, levels: Range<usize>, bands: &[PlannedBand]) -> Arrangement {
    let mut segments: Vec<Candidate> = Vec::new();
    let mut level_segments = Vec::new();
    let mut distortions = Vec::new();
    let mut next = vec![0usize; bands.len()];
    for (number, level) in levels.enumerate() {
        let due = |band: usize, number: usize| -> Option<Candidate> {
            let segment = bands[band].plan.segments.get(number)?;
            (segment.level == level).then(|| candidate(profile, bands, band, number))
        };
        let mut heap: BinaryHeap<Candidate> =
            (0..bands.len()).filter_map(|band| due(band, next[band])).collect();
        while let Some(best) = heap.pop() {
            if segments.len() == usize::from(MAX_SEGMENTS) {
                break;
            }
            next[best.band] += 1;
            heap.extend(due(best.band, next[best.band]));
            segments.push(best);
        }
        level_segments.push(segments.len());
        let distortion = |(band, &next): (&PlannedBand, &usize)| {
            let left_out = band.plan.segments[next..].iter().take_while(|segment| segment.level <= level);
            band.plan.distortions[number] + left_out.map(|segment| segment.gain).sum::<f64>()
        };
        distortions.push(bands.iter().zip(&next).map(distortion).sum());
    }
    Arrangement { segments, level_segments, distortions }
}

fn assemble(
    profile: &Profile,
    request: &EncodeRequest<'_>,
    levels: Range<usize>,
    prelude: Prelude,
    bands: Vec<PlannedBand>,
) -> Result<Vec<u8>> {
    let arrangement = arrange(profile, levels.clone(), &bands);
    let prelude_tokens = prelude.coded_tokens().max(1) as f64;
    let prelude = prelude.to_bytes();
    let levels = profile.level_names[levels].iter().enumerate().map(|(number, name)| {
        let squared = arrangement.distortions[number];
        let kld = (squared / prelude_tokens * f64::from(profile.kld_per_distortion)) as f32;
        let predicted_kld = if kld.is_nan() { f32::MAX } else { kld.clamp(0.0, f32::MAX) };
        Level { name: name.clone(), end_offset: 0, predicted_kld }
    });
    let segments = arrangement.segments.iter().map(|entry| {
        let band = &bands[entry.band];
        let segment = &band.plan.segments[entry.number];
        Segment {
            group: band.group,
            band: band.band,
            pass: segment.pass,
            slope_bits: (entry.slope.to_bits() >> 16) as u16,
            bytes: segment.bytes.len() as u32,
            offset: 0,
        }
    });
    let mut header = Header {
        codec: LADDER,
        subset: false,
        header_bytes: 0,
        prelude_bytes: prelude.len() as u32,
        model_fingerprint: profile.model_fingerprint,
        profile_id: profile.id,
        chunk_id: request.chunk_id,
        first_position: request.first_position,
        token_count: request.token_count as u16,
        geometry: profile.geometry,
        levels: levels.collect(),
        segments: segments.collect(),
    };
    let mut out = header.write(&arrangement.level_segments)?;
    out.reserve_exact(header.object_bytes() as usize - out.len());
    out.extend(prelude);
    for entry in &arrangement.segments {
        out.extend(&bands[entry.band].plan.segments[entry.number].bytes);
    }
    Ok(out)
}
