//! Groups of planes that share a basis (section 4.2).

use std::sync::OnceLock;

use super::basis::{parse_basis, Basis};
use crate::bytes::{in_range, Reader};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::limits::{Budget, MAX_BANDS, MAX_GROUP_DIM};

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
    /// Whether columns are stored in so few bits that U' U is far from the identity.
    pub coarse: bool,
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
    let dims: Vec<usize> = members.iter().map(|member| member.dim).collect();
    let Basis { columns: basis, coarse } = parse_basis(reader, &dims, rank, budget)?;
    Ok(Group { members, dim, rank, band_ends, scale_exponents, basis, coarse, refined: OnceLock::new() })
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
