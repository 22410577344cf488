//! Groups of planes that share a basis (section 4.2).

use std::sync::OnceLock;

use crate::bytes::{f32_values, in_range, is_finite_f16, u16_words, Reader};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::limits::{Budget, MAX_BANDS, MAX_BLOCKS, MAX_GROUP_DIM};

/// A plane of a group.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub plane: usize,
    /// First row of U that belongs to the plane.
    pub row: usize,
    pub dim: usize,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub members: Vec<Member>,
    /// d: rows of U.
    pub dim: usize,
    /// r: columns of U, coefficients.
    pub rank: usize,
    pub band_ends: Vec<usize>,
    pub scale_exponents: Vec<i8>,
    /// U, column after column of `dim` values.
    pub basis: Vec<f32>,
    /// What an encoder multiplies with instead of U' (`transform::analysis`); made when it first does.
    pub(crate) refined: OnceLock<Vec<f32>>,
}

impl Group {
    /// Coefficients of a band.
    pub fn band(&self, band: usize) -> std::ops::Range<usize> {
        let start = if band == 0 { 0 } else { self.band_ends[band - 1] };
        start..self.band_ends[band]
    }
}

pub(super) fn parse_groups(
    reader: &mut Reader<'_>,
    geometry: &Geometry,
    budget: &mut Budget,
) -> Result<Vec<Group>> {
    let count = in_range(reader.u8("groupCount")?, 1, u8::MAX, "groupCount")?;
    (0..count).map(|_| parse_group(reader, geometry, budget)).collect()
}

fn parse_group(reader: &mut Reader<'_>, geometry: &Geometry, budget: &mut Budget) -> Result<Group> {
    let members = parse_members(reader, geometry)?;
    let dim: usize = members.iter().map(|member| member.dim).sum();
    if dim > MAX_GROUP_DIM {
        return Err(Error::limit("group d", MAX_GROUP_DIM, dim));
    }
    let rank = usize::from(reader.u16("group rank")?);
    in_range(rank, 1, dim, "group rank")?;
    let band_ends = parse_band_ends(reader, rank)?;
    let exponents = reader.take(rank, "scaleExponent")?;
    let scale_exponents = exponents.iter().map(|&byte| byte as i8).collect();
    let basis = parse_basis(reader, dim, rank, budget)?;
    Ok(Group { members, dim, rank, band_ends, scale_exponents, basis, refined: OnceLock::new() })
}

fn parse_members(reader: &mut Reader<'_>, geometry: &Geometry) -> Result<Vec<Member>> {
    let count = usize::from(reader.u16("memberCount")?);
    in_range(count, 1, geometry.planes(), "memberCount")?;
    let mut members: Vec<Member> = Vec::with_capacity(count);
    let mut row = 0;
    for _ in 0..count {
        let plane = usize::from(reader.u16("member")?);
        in_range(plane, 0, geometry.planes() - 1, "member")?;
        if members.last().is_some_and(|last| last.plane >= plane) {
            return Err(Error::corrupt("members", "rising plane numbers", plane));
        }
        let dim = geometry.plane_dim(plane);
        members.push(Member { plane, row, dim });
        row += dim;
    }
    Ok(members)
}

fn parse_band_ends(reader: &mut Reader<'_>, rank: usize) -> Result<Vec<usize>> {
    let count = in_range(reader.u8("bandCount")?, 1, MAX_BANDS, "bandCount")?;
    let mut ends: Vec<usize> = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let end = usize::from(reader.u16("bandEnd")?);
        let previous = ends.last().copied().unwrap_or(0);
        in_range(end, previous + 1, rank, "bandEnd")?;
        ends.push(end);
    }
    match ends.last() {
        Some(&last) if last != rank => Err(Error::corrupt("last bandEnd", rank, last)),
        _ => Ok(ends),
    }
}

fn parse_basis(reader: &mut Reader<'_>, dim: usize, rank: usize, budget: &mut Budget) -> Result<Vec<f32>> {
    let count = in_range(reader.u8("blockCount")?, 1, MAX_BLOCKS, "blockCount")?;
    let mut blocks = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let columns = usize::from(reader.u16("block columns")?);
        in_range(columns, 1, rank, "block columns")?;
        let kind = reader.u8("block type")?;
        if kind != 1 && kind != 2 {
            return Err(Error::unsupported("block type", "1 or 2", kind));
        }
        blocks.push((columns, kind));
    }
    let total: usize = blocks.iter().map(|block| block.0).sum();
    if total != rank {
        return Err(Error::corrupt("columns of all blocks", rank, total));
    }
    // Every column takes at least `dim` bytes of the file: check before reserving four times that.
    if dim.checked_mul(rank).is_none_or(|bytes| bytes > reader.remaining()) {
        return Err(Error::truncated("blocks", format_args!("{dim} x {rank}"), reader.remaining()));
    }
    budget.draw("basis of a group", dim * rank, 4)?;
    let mut basis = Vec::with_capacity(dim * rank);
    for (columns, kind) in blocks {
        match kind {
            1 => read_f16_columns(reader, dim * columns, &mut basis)?,
            _ => read_i8_columns(reader, dim, columns, &mut basis)?,
        }
    }
    Ok(basis)
}

fn read_f16_columns(reader: &mut Reader<'_>, values: usize, basis: &mut Vec<f32>) -> Result<()> {
    for bits in u16_words(reader.take_items(values, 2, "f16 block")?) {
        if !is_finite_f16(bits) {
            return Err(Error::corrupt("f16 block", "finite numbers", format_args!("{bits:#06x}")));
        }
        basis.push(half::f16::from_bits(bits).to_f32());
    }
    Ok(())
}

fn read_i8_columns(reader: &mut Reader<'_>, dim: usize, columns: usize, basis: &mut Vec<f32>) -> Result<()> {
    let scales = reader.take_items(columns, 4, "i8 block scales")?;
    let values = reader.take_items(columns, dim, "i8 block")?;
    for (scale, column) in f32_values(scales).zip(values.chunks_exact(dim)) {
        let scale = crate::bytes::finite(scale, "i8 block scale")?;
        basis.extend(column.iter().map(|&byte| f32::from(byte as i8) * scale));
    }
    Ok(())
}
