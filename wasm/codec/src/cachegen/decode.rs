//! Chunk object to planes.

use super::layout::{group_count, planes_of, BANDS};
use super::predict::Channel;
use super::segment::decode_segment;
use super::tables::{PlaneTables, Tables};
use super::Cachegen;
use crate::container::header::{Header, Segment};
use crate::container::segment::SegmentParts;
use crate::decode::{count_segments, DecodeOptions};
use crate::error::{Error, Result};
use crate::limits::{Budget, Limits};
use crate::par;
use crate::transform::within_f16;

/// Integers of a (group, band): the part of decoding on which all backends agree exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachegenIndices {
    pub group: u8,
    pub band: u8,
    /// Last pass that was decoded.
    pub pass: u8,
    /// n per channel of the band's planes, anchors first.
    pub indices: Vec<i32>,
}

/// Checked input of a decode.
struct Opened {
    header: Header,
    tables: Tables,
    /// Those to decode.
    segments: Vec<Segment>,
}

/// A (group, band) with the part of the output that it fills.
struct Job<'a> {
    group: u8,
    band: u8,
    planes: Vec<(&'a PlaneTables, &'a mut [u16])>,
}

impl Cachegen {
    /// Decodes a chunk object, or a prefix of it, into fp16 planes in the order of section 2.
    pub fn decode_chunk(
        &self,
        chunk: &[u8],
        options: DecodeOptions<'_>,
        limits: &Limits,
    ) -> Result<Vec<u16>> {
        let budget = &mut Budget::new(limits);
        let opened = self.open(chunk, options, budget)?;
        let tokens = usize::from(opened.header.token_count);
        budget.draw("decoded planes", self.geometry.values_per_token() * tokens, 2)?;
        budget.draw("indices", self.geometry.values_per_token() * tokens, 4)?;
        let mut planes = vec![0u16; self.geometry.values_per_token() * tokens];
        let decode = |mut job: Job<'_>| {
            let (pass, indices) = self.indices(&opened, chunk, job.group, job.band)?;
            self.write(&opened, pass, &indices, &mut job);
            Ok(())
        };
        par::map(self.jobs(&opened, &mut planes), decode).into_iter().collect::<Result<Vec<()>>>()?;
        Ok(planes)
    }

    /// The integers of every (group, band) that the chunk holds, in order of group and band.
    pub fn decode_indices(
        &self,
        chunk: &[u8],
        options: DecodeOptions<'_>,
        limits: &Limits,
    ) -> Result<Vec<CachegenIndices>> {
        let budget = &mut Budget::new(limits);
        let opened = self.open(chunk, options, budget)?;
        let tokens = usize::from(opened.header.token_count);
        budget.draw("indices", self.geometry.values_per_token() * tokens, 4)?;
        let mut held: Vec<(u8, u8)> = opened.segments.iter().map(|s| (s.group, s.band)).collect();
        held.sort_unstable();
        held.dedup();
        let decode = |(group, band)| {
            let (pass, indices) = self.indices(&opened, chunk, group, band)?;
            Ok(CachegenIndices { group, band, pass, indices })
        };
        par::map(held, decode).into_iter().collect()
    }

    fn open(&self, chunk: &[u8], options: DecodeOptions<'_>, budget: &mut Budget) -> Result<Opened> {
        let header = Header::parse(chunk)?;
        self.check_model(&header)?;
        if chunk.len() > header.object_bytes() as usize {
            return Err(Error::corrupt("chunk size", header.object_bytes(), chunk.len()));
        }
        budget.draw("prelude", header.prelude_bytes as usize, 1)?;
        let tables = Tables::parse(chunk, &header)?;
        let count = count_segments(&header, chunk, options)?;
        let segments = header.segments[..count].to_vec();
        Ok(Opened { header, tables, segments })
    }

    fn jobs<'a>(&self, opened: &'a Opened, planes: &'a mut [u16]) -> Vec<Job<'a>> {
        let tokens = usize::from(opened.header.token_count);
        let mut rest = planes;
        let mut jobs = Vec::new();
        for group in 0..group_count(self.geometry.layers) as u8 {
            let mut bands: [Vec<_>; BANDS] = [Vec::new(), Vec::new()];
            let layers = planes_of(&self.geometry, group, 0).flat_map(|plane| [plane, plane + 1]);
            for plane in layers {
                let (values, after) = rest.split_at_mut(self.geometry.plane_dim(plane) * tokens);
                bands[plane % BANDS].push((&opened.tables.planes[plane], values));
                rest = after;
            }
            jobs.extend(bands.into_iter().zip(0..).map(|(planes, band)| Job { group, band, planes }));
        }
        jobs
    }

    /// Last pass and integers of a (group, band); zeros without a segment.
    fn indices(&self, opened: &Opened, chunk: &[u8], group: u8, band: u8) -> Result<(u8, Vec<i32>)> {
        let tables = &opened.tables;
        let own = planes_of(&self.geometry, group, usize::from(band));
        let channels: Vec<u8> = own.flat_map(|plane| tables.planes[plane].channels.iter().copied()).collect();
        let mut indices = vec![0i32; channels.len() * tables.spans.tokens];
        let mut pass = 0;
        for segment in opened.segments.iter().filter(|s| s.group == group && s.band == band) {
            pass = segment.pass;
            let parts = SegmentParts::parse(chunk, segment, pass > 0, tables.lanes())?;
            decode_segment(tables, &channels, pass, &parts, &mut indices)?;
        }
        Ok((pass, indices))
    }

    fn write(&self, opened: &Opened, pass: u8, indices: &[i32], job: &mut Job<'_>) {
        let tables = &opened.tables;
        let tokens = tables.spans.tokens;
        let copied = usize::from(tables.first_token.is_some());
        let mut channel_indices = indices.chunks_exact(tokens.max(1));
        let mut values = vec![0.0f32; tokens];
        let positions: Vec<usize> = (0..tokens).map(|place| tables.spans.token_at(place) + copied).collect();
        let numbers = planes_of(&self.geometry, job.group, usize::from(job.band));
        for ((plane, out), number) in job.planes.iter_mut().zip(numbers) {
            let dim = plane.channels.len();
            if let Some(first) = &tables.first_token {
                let offset = self.geometry.plane_offset(number);
                out[..dim].copy_from_slice(&first[offset..offset + dim]);
            }
            for channel in 0..dim {
                let Some(indices) = channel_indices.next() else { break };
                Channel::new(plane, channel, pass).values(&tables.spans, indices, &mut values);
                for (&value, &token) in values.iter().zip(&positions) {
                    out[token * dim + channel] = half::f16::from_f32(within_f16(value)).to_bits();
                }
            }
        }
    }
}
