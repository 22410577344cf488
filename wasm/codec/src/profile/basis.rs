//! The basis of a group, as a matrix or as a product of two (section 4.2).

use kvedge_codec_simd::{matmul_add, Matrix, MatrixMut};

use crate::bytes::{f32_values, in_range, is_finite_f16, u16_words, Reader};
use crate::error::{Error, Result};
use crate::limits::{Budget, MAX_BLOCKS, MAX_MIX_ROWS, MAX_PARTS};

/// What stands for the block count where a product starts.
const PRODUCT: u8 = 0;

pub(super) struct Basis {
    /// U, column after column.
    pub columns: Vec<f32>,
    /// Whether columns are stored in so few bits that U' U is far from the identity.
    pub coarse: bool,
}

/// Part of a product: which rows of U it covers, and how many columns it has.
struct Part {
    first_row: usize,
    rows: usize,
    columns: usize,
}

/// The basis of a group whose members have `dims` values each.
pub(super) fn parse_basis(
    reader: &mut Reader<'_>,
    dims: &[usize],
    rank: usize,
    budget: &mut Budget,
) -> Result<Basis> {
    match reader.u8("blockCount")? {
        PRODUCT => parse_product(reader, dims, rank, budget),
        block_count => parse_matrix(reader, block_count, dims.iter().sum(), rank, budget),
    }
}

/// U = W V, multiplied out.
fn parse_product(reader: &mut Reader<'_>, dims: &[usize], rank: usize, budget: &mut Budget) -> Result<Basis> {
    let dim: usize = dims.iter().sum();
    let parts = parse_parts(reader, dims)?;
    let rows: usize = parts.iter().map(|part| part.columns).sum();
    if rows > MAX_MIX_ROWS {
        return Err(Error::limit("rows of a mix", MAX_MIX_ROWS, rows));
    }
    in_range(rank, 1, rows, "rank of a product")?;
    let mut bases = Vec::with_capacity(parts.len());
    for part in &parts {
        let block_count = reader.u8("blockCount of a part")?;
        bases.push(parse_matrix(reader, block_count, part.rows, part.columns, budget)?);
    }
    let block_count = reader.u8("blockCount of a mix")?;
    let mix = parse_matrix(reader, block_count, rows, rank, budget)?;
    budget.draw("product of a group", dim * rank, 4)?;
    let mut columns = vec![0.0f32; dim * rank];
    let mut first_column = 0;
    for (part, basis) in parts.iter().zip(&bases) {
        let out = &mut columns[part.first_row..];
        matmul_add(
            MatrixMut { data: out, rows: rank, columns: part.rows, row_stride: dim },
            Matrix {
                data: &mix.columns[first_column..],
                rows: rank,
                columns: part.columns,
                row_stride: rows,
                column_stride: 1,
            },
            Matrix {
                data: &basis.columns,
                rows: part.columns,
                columns: part.rows,
                row_stride: part.rows,
                column_stride: 1,
            },
        );
        first_column += part.columns;
    }
    Ok(Basis { columns, coarse: mix.coarse || bases.iter().any(|basis| basis.coarse) })
}

fn parse_parts(reader: &mut Reader<'_>, dims: &[usize]) -> Result<Vec<Part>> {
    let count = in_range(reader.u8("partCount")?, 1, MAX_PARTS, "partCount")?;
    let mut parts = Vec::with_capacity(usize::from(count));
    let (mut left, mut first_row) = (dims, 0);
    for _ in 0..count {
        let members = usize::from(reader.u16("part memberCount")?);
        in_range(members, 1, left.len(), "part memberCount")?;
        let (own, after) = left.split_at(members);
        let rows = own.iter().sum();
        let columns = usize::from(reader.u16("part columns")?);
        in_range(columns, 1, rows, "part columns")?;
        parts.push(Part { first_row, rows, columns });
        first_row += rows;
        left = after;
    }
    if !left.is_empty() {
        return Err(Error::corrupt("members of all parts", dims.len(), dims.len() - left.len()));
    }
    Ok(parts)
}

/// How the values of U in a block are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
enum BlockKind {
    F16,
    I8,
    I4,
}

impl BlockKind {
    /// Bytes of a column of `dim` values, without its scale.
    fn column_bytes(self, dim: usize) -> usize {
        match self {
            Self::F16 => 2 * dim,
            Self::I8 => dim,
            Self::I4 => dim.div_ceil(2),
        }
    }
}

struct Block {
    columns: usize,
    kind: BlockKind,
}

/// The block list that starts with `count`.
fn parse_blocks(reader: &mut Reader<'_>, count: u8, rank: usize) -> Result<Vec<Block>> {
    in_range(count, 1, MAX_BLOCKS, "blockCount")?;
    let mut blocks = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let columns = usize::from(reader.u16("block columns")?);
        in_range(columns, 1, rank, "block columns")?;
        let kind = match reader.u8("block type")? {
            1 => BlockKind::F16,
            2 => BlockKind::I8,
            3 => BlockKind::I4,
            other => return Err(Error::unsupported("block type", "1, 2 or 3", other)),
        };
        blocks.push(Block { columns, kind });
    }
    let total: usize = blocks.iter().map(|block| block.columns).sum();
    if total != rank {
        return Err(Error::corrupt("columns of all blocks", rank, total));
    }
    Ok(blocks)
}

/// Reads a matrix, whose first byte is `block_count`. Returns its columns, and whether it is coarse.
fn parse_matrix(
    reader: &mut Reader<'_>,
    block_count: u8,
    dim: usize,
    rank: usize,
    budget: &mut Budget,
) -> Result<Basis> {
    let blocks = parse_blocks(reader, block_count, rank)?;
    // At most 8 blocks of 2^16 columns of 2^16 bytes: the sum cannot overflow. Checked before up to eight times that is reserved.
    let bytes: u64 = blocks.iter().map(|block| (block.columns * block.kind.column_bytes(dim)) as u64).sum();
    if bytes > reader.remaining() as u64 {
        return Err(Error::truncated("blocks", format_args!("{bytes} bytes"), reader.remaining()));
    }
    budget.draw("basis of a group", dim * rank, 4)?;
    let mut found = Vec::with_capacity(dim * rank);
    for &Block { columns, kind } in &blocks {
        match kind {
            BlockKind::F16 => read_f16_columns(reader, dim * columns, &mut found)?,
            BlockKind::I8 => read_i8_columns(reader, dim, columns, &mut found)?,
            BlockKind::I4 => read_i4_columns(reader, dim, columns, &mut found)?,
        }
    }
    Ok(Basis { columns: found, coarse: blocks.iter().any(|block| block.kind == BlockKind::I4) })
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

fn read_i4_columns(reader: &mut Reader<'_>, dim: usize, columns: usize, basis: &mut Vec<f32>) -> Result<()> {
    let scales = reader.take_items(columns, 4, "i4 block scales")?;
    let column_bytes = BlockKind::I4.column_bytes(dim);
    let values = reader.take_items(columns, column_bytes, "i4 block")?;
    for (scale, column) in f32_values(scales).zip(values.chunks_exact(column_bytes)) {
        let scale = crate::bytes::finite(scale, "i4 block scale")?;
        let end = basis.len() + dim;
        for &pair in column {
            let halves = [(pair << 4) as i8 >> 4, pair as i8 >> 4];
            basis.extend(halves.map(|value| f32::from(value) * scale));
        }
        let unused = column.last().is_some_and(|&pair| dim % 2 == 1 && pair >> 4 != 0);
        if unused {
            return Err(Error::corrupt("unused half of an i4 column", 0, "another value"));
        }
        basis.truncate(end);
    }
    Ok(())
}
