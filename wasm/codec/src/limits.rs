//! Caps of docs/format.md section 9 and the caller's memory budget.

use crate::error::{Error, Result};

pub const MAX_PROFILE_BYTES: u64 = 512 << 20;
pub const MAX_CHUNK_BYTES: u64 = 64 << 20;
pub const MAX_HEADER_BYTES: u64 = 64 << 10;
pub const MAX_LAYERS: u16 = 512;
pub const MAX_KV_HEADS: u16 = 512;
pub const MAX_HEAD_DIM: u16 = 1024;
pub const MAX_VALUES_PER_TOKEN: usize = 1 << 20;
pub const MAX_GROUP_DIM: usize = 32768;
pub const MAX_CHUNK_TOKENS: usize = 256;
pub const MAX_LEVELS: u8 = 6;
pub const MAX_SEGMENTS: u16 = 4096;
pub const MAX_PASS: u8 = 5;
pub const MAX_BANDS: u8 = 16;
pub const MAX_CLASSES: u8 = 96;
pub const MAX_BLOCKS: u8 = 8;
pub const MAX_PARTS: u8 = 64;
pub const MAX_MIX_ROWS: usize = 4096;
pub const MAX_FIRST_TOKENS: u8 = 16;
pub const MAX_MAGNITUDE: i32 = 1 << 20;

/// What the caller allows one operation to allocate; default 4 GiB.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_memory_bytes: 4 << 30 }
    }
}

/// The part of [`Limits`] that is left; drawn down before each large allocation.
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        Self { left: limits.max_memory_bytes }
    }

    /// Accounts for `count` items of `size` bytes each.
    pub fn draw(&mut self, place: &str, count: usize, size: usize) -> Result<()> {
        let bytes = (count as u64).saturating_mul(size as u64);
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::limit(place, format_args!("{} bytes of memory", self.left), bytes)),
        }
    }
}
