use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::limits::{MAX_HEAD_DIM, MAX_KV_HEADS, MAX_LAYERS, MAX_VALUES_PER_TOKEN};

/// Sizes of a model's KV cache (docs/format.md section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    pub layers: u16,
    pub kv_heads: u16,
    pub key_head_dim: u16,
    pub value_head_dim: u16,
}

impl Geometry {
    /// `layers`, `kvHeads`, `keyHeadDim`, `valueHeadDim`; within the limits of section 9.
    pub fn new([layers, kv_heads, key_head_dim, value_head_dim]: [u16; 4]) -> Result<Self> {
        let geometry = Self { layers, kv_heads, key_head_dim, value_head_dim };
        geometry.check()?;
        Ok(geometry)
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        Self::new([
            reader.u16("layers")?,
            reader.u16("kvHeads")?,
            reader.u16("keyHeadDim")?,
            reader.u16("valueHeadDim")?,
        ])
    }

    fn check(&self) -> Result<()> {
        let fields = [
            ("layers", self.layers, MAX_LAYERS),
            ("kvHeads", self.kv_heads, MAX_KV_HEADS),
            ("keyHeadDim", self.key_head_dim, MAX_HEAD_DIM),
            ("valueHeadDim", self.value_head_dim, MAX_HEAD_DIM),
        ];
        for (field, value, maximum) in fields {
            if value == 0 {
                return Err(Error::corrupt(field, "at least 1", 0));
            }
            if value > maximum {
                return Err(Error::limit(field, maximum, value));
            }
        }
        match self.values_per_token() {
            values if values > MAX_VALUES_PER_TOKEN => {
                Err(Error::limit("values of one token", MAX_VALUES_PER_TOKEN, values))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for field in [self.layers, self.kv_heads, self.key_head_dim, self.value_head_dim] {
            out.extend(field.to_le_bytes());
        }
    }

    /// Number of planes; even ones hold keys, odd ones values.
    pub fn planes(&self) -> usize {
        2 * usize::from(self.layers)
    }

    pub fn is_key(plane: usize) -> bool {
        plane.is_multiple_of(2)
    }

    pub fn head_dim(&self, plane: usize) -> usize {
        usize::from(if Self::is_key(plane) { self.key_head_dim } else { self.value_head_dim })
    }

    /// Values of one token in this plane.
    pub fn plane_dim(&self, plane: usize) -> usize {
        usize::from(self.kv_heads) * self.head_dim(plane)
    }

    pub fn values_per_token(&self) -> usize {
        usize::from(self.layers) * (self.plane_dim(0) + self.plane_dim(1))
    }

    /// Offset of a plane in the values of one token.
    pub fn plane_offset(&self, plane: usize) -> usize {
        (plane / 2) * (self.plane_dim(0) + self.plane_dim(1)) + (plane % 2) * self.plane_dim(0)
    }
}
