//! Chunk object to planes: entropy decoding per (group, band), then one matrix product per plane and group.

use kvedge_codec_simd::{dequantize, Backend};

use crate::container::header::{Header, Segment};
use crate::container::prelude::{FirstTokenSource, Prelude};
use crate::container::segment::SegmentParts;
use crate::error::{Error, ErrorCode, Result};
use crate::ladder::{decode_segment, step_size, SegmentSource, TokenOrder};
use crate::limits::{Budget, Limits};
use crate::par;
use crate::profile::Profile;
use crate::scratch::Buffer;
use crate::transform::synthesis::{CoefficientRun, Synthesis};

#[derive(Debug, Clone, Copy, Default)]
pub struct DecodeOptions<'a> {
    /// Decode only up to this level; default: every segment present.
    pub level: Option<&'a str>,
    /// Accept a prefix that ends inside a segment, which then counts as absent.
    pub partial: bool,
}

/// Integers of a (group, band): the part of decoding on which all backends agree exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupIndices {
    pub group: u8,
    pub band: u8,
    /// Last pass that was decoded.
    pub pass: u8,
    /// n per coefficient of the band, in sorted token order.
    pub indices: Vec<i32>,
}

/// Checked input of a decode.
struct Opened {
    header: Header,
    prelude: Prelude,
    /// By row of shifts.
    orders: Vec<TokenOrder>,
    /// How many segments are to be decoded.
    segments: usize,
}

/// Decodes a chunk object, or a prefix of it, into fp16 planes in the order of section 2.
pub fn decode_chunk(
    profile: &Profile,
    chunk: &[u8],
    options: DecodeOptions<'_>,
    limits: &Limits,
) -> Result<Vec<u16>> {
    let budget = &mut Budget::new(limits);
    let opened = open(profile, chunk, options)?;
    let tokens = usize::from(opened.header.token_count);
    let geometry = profile.geometry;
    budget.draw("decoded planes", geometry.values_per_token() * tokens, 2)?;
    budget.draw("sums of all planes, which may be made at once", geometry.values_per_token() * tokens, 4)?;
    let first_planes = opened.first_token(profile)?;
    let (runs, coefficients) = coefficient_runs(profile, chunk, &opened, budget)?;

    let first_coded = usize::from(first_planes.is_some());
    let first_position = opened.header.first_position;
    let orders = (0..profile.groups.len()).map(|group| opened.order(group)).collect();
    let coded = opened.prelude.coded_tokens();
    let mut planes = vec![0u16; geometry.values_per_token() * tokens];
    let synthesis =
        Synthesis { profile, orders, runs: &runs, coefficients: &coefficients, coded, first_coded };
    synthesis.fill(first_position, &mut planes);
    if let Some(first) = first_planes {
        for plane in 0..geometry.planes() {
            let (offset, dim) = (geometry.plane_offset(plane), geometry.plane_dim(plane));
            planes[offset * tokens..][..dim].copy_from_slice(&first[offset..offset + dim]);
        }
    }
    Ok(planes)
}

/// The integers of every (group, band) that the chunk holds, in order of group and band.
pub fn decode_indices(
    profile: &Profile,
    chunk: &[u8],
    options: DecodeOptions<'_>,
    limits: &Limits,
) -> Result<Vec<GroupIndices>> {
    let budget = &mut Budget::new(limits);
    let opened = open(profile, chunk, options)?;
    let jobs = band_jobs(profile, &opened)?;
    for job in &jobs {
        budget.draw("indices of a band", job.len(profile, &opened), 4)?;
    }
    let decode = |job: BandJob| {
        let mut indices = vec![0i32; job.len(profile, &opened)];
        job.decode(profile, chunk, &opened, &mut indices, |_| {})?;
        Ok(GroupIndices { group: job.group, band: job.band, pass: job.pass(), indices })
    };
    par::map(jobs, decode).into_iter().collect()
}

/// Entropy decoding and dequantization without the transform, for benchmarks. Returns how many coefficients there are.
pub fn decode_coefficients(
    profile: &Profile,
    chunk: &[u8],
    options: DecodeOptions<'_>,
    limits: &Limits,
) -> Result<usize> {
    let opened = open(profile, chunk, options)?;
    let (_, coefficients) = coefficient_runs(profile, chunk, &opened, &mut Budget::new(limits))?;
    Ok(coefficients.len())
}

fn open(profile: &Profile, chunk: &[u8], options: DecodeOptions<'_>) -> Result<Opened> {
    let header = Header::parse(chunk)?;
    let matching = header.profile_id == profile.id
        && header.model_fingerprint == profile.model_fingerprint
        && header.geometry == profile.geometry;
    if !matching {
        return Err(Error::new(
            ErrorCode::WrongProfile,
            "the chunk was made with another profile (profileId, modelFingerprint or geometry differ)",
        ));
    }
    if chunk.len() > header.object_bytes() as usize {
        return Err(Error::corrupt("chunk size", header.object_bytes(), chunk.len()));
    }
    let prelude = Prelude::parse(chunk, &header)?;
    let segments = count_segments(&header, chunk, options)?;
    let with_rows = prelude.shifts.row_of_group.len();
    if with_rows > 0 && with_rows != profile.groups.len() {
        return Err(Error::expected(
            ErrorCode::WrongProfile,
            "groups with shift rows",
            profile.groups.len(),
            with_rows,
        ));
    }
    let orders = prelude.shifts.rows.iter().map(|shifts| TokenOrder::new(shifts)).collect();
    Ok(Opened { header, prelude, orders, segments })
}

/// How many segments are to be decoded: those that are here, up to the wanted level (section 8).
pub(crate) fn count_segments(header: &Header, chunk: &[u8], options: DecodeOptions<'_>) -> Result<usize> {
    let present = header.segments.partition_point(|segment| segment.end() as usize <= chunk.len());
    if !options.partial && header.segments_within(chunk.len() as u32).is_none() {
        let next = header.segments.get(present).map_or(header.object_bytes(), Segment::end);
        return Err(Error::truncated("chunk that ends inside a segment", next, chunk.len()));
    }
    match options.level {
        None => Ok(present),
        Some(name) => {
            let level = header.level(name)?;
            if !options.partial && (chunk.len() as u64) < u64::from(level.end_offset) {
                return Err(Error::truncated(name, level.end_offset, chunk.len()));
            }
            Ok(header.segments_within(level.end_offset).unwrap_or(0).min(present))
        }
    }
}

/// The segments of a (group, band), by pass.
struct BandJob {
    group: u8,
    band: u8,
    segments: Vec<Segment>,
}

fn band_jobs(profile: &Profile, opened: &Opened) -> Result<Vec<BandJob>> {
    let mut jobs: Vec<BandJob> = Vec::new();
    let mut held = opened.header.segments[..opened.segments].to_vec();
    // The directory has the passes of a band in rising order.
    held.sort_unstable_by_key(|segment| (segment.group, segment.band, segment.pass));
    for segment in held {
        let bands = profile.groups.get(usize::from(segment.group)).map_or(0, |group| group.band_ends.len());
        if usize::from(segment.band) >= bands || usize::from(segment.pass) >= profile.level_names.len() {
            return Err(Error::expected(
                ErrorCode::WrongProfile,
                "segment",
                "a group, band and pass of the profile",
                format_args!("group {} band {} pass {}", segment.group, segment.band, segment.pass),
            ));
        }
        match jobs.last_mut() {
            Some(job) if job.group == segment.group && job.band == segment.band => job.segments.push(segment),
            _ => jobs.push(BandJob { group: segment.group, band: segment.band, segments: vec![segment] }),
        }
    }
    Ok(jobs)
}

impl BandJob {
    fn columns(&self, profile: &Profile) -> std::ops::Range<usize> {
        profile.groups[usize::from(self.group)].band(usize::from(self.band))
    }

    fn len(&self, profile: &Profile, opened: &Opened) -> usize {
        self.columns(profile).len() * opened.prelude.coded_tokens()
    }

    /// Last pass that the chunk holds.
    fn pass(&self) -> u8 {
        self.segments.last().map_or(0, |segment| segment.pass)
    }

    /// Fills `indices`. `finished` is called with those of each coefficient as soon as their last pass is decoded.
    fn decode(
        &self,
        profile: &Profile,
        chunk: &[u8],
        opened: &Opened,
        indices: &mut [i32],
        finished: impl Fn(&mut [i32]),
    ) -> Result<()> {
        let exponents = &profile.groups[usize::from(self.group)].scale_exponents[self.columns(profile)];
        for (number, segment) in self.segments.iter().enumerate() {
            let refinement = number > 0;
            let last = number + 1 == self.segments.len();
            let parts = SegmentParts::parse(chunk, segment, refinement, opened.prelude.lanes())?;
            let decoded = |indices: &mut [i32]| {
                if last {
                    finished(indices);
                }
            };
            let input = SegmentSource { profile, scale_exponents: exponents, pass: segment.pass, refinement };
            decode_segment(&input, &parts, opened.order(usize::from(self.group)), indices, decoded)?;
        }
        Ok(())
    }
}

/// Dequantized coefficients of all bands; neighbouring bands of a group are joined into one run.
fn coefficient_runs<'p>(
    profile: &'p Profile,
    chunk: &[u8],
    opened: &Opened,
    budget: &mut Budget,
) -> Result<(Vec<CoefficientRun>, Buffer<'p>)> {
    let jobs = band_jobs(profile, opened)?;
    let mut runs: Vec<CoefficientRun> = Vec::new();
    // The column after the last one.
    let mut next_column = 0;
    let mut count = 0;
    for job in &jobs {
        let len = job.len(profile, opened);
        budget.draw("coefficients", len, 4)?;
        let (group, columns) = (usize::from(job.group), job.columns(profile));
        match runs.last_mut() {
            Some(run) if run.group == group && next_column == columns.start => run.values.end += len,
            _ => runs.push(CoefficientRun { group, first_column: columns.start, values: count..count + len }),
        }
        next_column = columns.end;
        count += len;
    }
    let mut coefficients = profile.scratch.take(count);
    let mut rest = &mut coefficients[..];
    let mut targets = Vec::with_capacity(jobs.len());
    for job in &jobs {
        let (target, after) = rest.split_at_mut(job.len(profile, opened));
        targets.push((job, target));
        rest = after;
    }
    let backend = Backend::current();
    let done: Result<Vec<()>> = par::map(targets, |(job, target)| {
        let of_shift = |&shift: &i8| step_size(profile.base_step, shift, job.pass());
        let steps: Vec<f32> = opened.order(usize::from(job.group)).shifts.iter().map(of_shift).collect();
        let indices = bytemuck::cast_slice_mut(target);
        job.decode(profile, chunk, opened, indices, |indices| dequantize(backend, indices, &steps))
    })
    .into_iter()
    .collect();
    done?;
    Ok((runs, coefficients))
}

impl Opened {
    /// In which order the group's tokens are coded.
    fn order(&self, group: usize) -> &TokenOrder {
        &self.orders[self.prelude.shifts.row(group)]
    }

    /// Planes of a first token that is not coded.
    fn first_token<'a>(&'a self, profile: &'a Profile) -> Result<Option<&'a [u16]>> {
        match &self.prelude.first_token {
            FirstTokenSource::Coded => Ok(None),
            FirstTokenSource::Exact(planes) => Ok(Some(planes)),
            FirstTokenSource::Profile(index) => match profile.first_tokens.get(usize::from(*index)) {
                Some(token) => Ok(Some(&token.planes)),
                None => Err(Error::expected(
                    ErrorCode::WrongProfile,
                    "first token index",
                    format_args!("below {}", profile.first_tokens.len()),
                    index,
                )),
            },
        }
    }
}
