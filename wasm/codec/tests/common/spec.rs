//! What a random profile is like.

/// splitmix64: the same numbers on every platform.
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn flip(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// Uniform in 0 .. 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// About normal: twelve uniform numbers.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}

#[derive(Clone, Debug)]
pub struct GroupSpec {
    pub members: Vec<u16>,
    pub rank: usize,
    pub band_ends: Vec<u16>,
    /// (columns, type) of each block.
    pub blocks: Vec<(u16, u8)>,
    /// Member count and blocks of each part if the basis is a product; `blocks` are then the mix's.
    pub parts: Vec<(u16, Vec<(u16, u8)>)>,
}

#[derive(Clone, Debug)]
pub struct Spec {
    pub layers: u16,
    pub kv_heads: u16,
    pub key_head_dim: u16,
    pub value_head_dim: u16,
    /// 0, 1 or 2.
    pub rope_layout: u8,
    pub rope_factors: bool,
    pub levels: u8,
    pub groups: Vec<GroupSpec>,
    /// Rows of shifts that the predictor gives; 0: none.
    pub predictor_rows: u8,
    pub first_tokens: Vec<u32>,
    pub seed: u64,
}

impl Spec {
    /// A random one; every feature of the format turns up.
    pub fn random(seed: u64) -> Self {
        let rng = &mut Rng(seed);
        let mut spec = Self {
            layers: 1 + rng.below(3) as u16,
            kv_heads: 1 + rng.below(2) as u16,
            key_head_dim: 2 * (1 + rng.below(5) as u16),
            value_head_dim: 1 + rng.below(9) as u16,
            rope_layout: rng.below(3) as u8,
            rope_factors: rng.flip(),
            levels: 1 + rng.below(6) as u8,
            groups: Vec::new(),
            predictor_rows: rng.below(4) as u8,
            first_tokens: (0..rng.below(3)).map(|i| i as u32 * 7 + 1).collect(),
            seed,
        };
        let planes = 2 * spec.layers;
        match rng.below(3) {
            // One group of everything.
            0 => spec.add_group((0..planes).collect(), rng),
            // K and V of each layer, then all planes again: groups overlap.
            1 => {
                (0..spec.layers).for_each(|layer| spec.add_group(vec![2 * layer, 2 * layer + 1], rng));
                spec.add_group((0..planes).collect(), rng);
            }
            // Every plane alone, some in no group.
            _ => {
                (0..planes)
                    .filter(|&plane| plane == 0 || plane % 3 != 1)
                    .for_each(|plane| spec.add_group(vec![plane], rng));
            }
        }
        spec
    }

    pub fn plane_dim(&self, plane: usize) -> usize {
        usize::from(
            self.kv_heads * if plane.is_multiple_of(2) { self.key_head_dim } else { self.value_head_dim },
        )
    }

    pub fn values_per_token(&self) -> usize {
        (0..2 * usize::from(self.layers)).map(|plane| self.plane_dim(plane)).sum()
    }

    /// Rotated values of each head: all but two where there are more than four.
    pub fn rope_dims(&self) -> u16 {
        match (self.rope_layout, self.key_head_dim) {
            (0, _) => 0,
            (_, dim) if dim > 4 => dim - 2,
            (_, dim) => dim,
        }
    }

    /// Parts of one or two members each that have `rank` columns together or more; none if the members do not allow it.
    fn random_parts(&self, members: &[u16], rank: usize, rng: &mut Rng) -> Vec<(u16, Vec<(u16, u8)>)> {
        let mut parts = Vec::new();
        let mut rest = members;
        let mut columns = 0;
        while !rest.is_empty() {
            let (own, after) = rest.split_at(1 + rng.below(rest.len().min(2)));
            let rows: usize = own.iter().map(|&plane| self.plane_dim(usize::from(plane))).sum();
            columns += rows;
            parts.push((own.len() as u16, random_blocks(rows as u16, rng)));
            rest = after;
        }
        if columns < rank {
            Vec::new()
        } else {
            parts
        }
    }

    fn add_group(&mut self, members: Vec<u16>, rng: &mut Rng) {
        let dim: usize = members.iter().map(|&plane| self.plane_dim(usize::from(plane))).sum();
        let rank = if rng.flip() { dim } else { 1 + rng.below(dim) };
        let mut band_ends: Vec<u16> = (0..rng.below(4)).map(|_| 1 + rng.below(rank) as u16).collect();
        band_ends.push(rank as u16);
        band_ends.sort_unstable();
        band_ends.dedup();
        let blocks = random_blocks(rank as u16, rng);
        let parts = if rng.flip() { self.random_parts(&members, rank, rng) } else { Vec::new() };
        self.groups.push(GroupSpec { members, rank, band_ends, blocks, parts });
    }
}

/// Blocks of the three types, `columns` columns together.
fn random_blocks(columns: u16, rng: &mut Rng) -> Vec<(u16, u8)> {
    let halves = rng.below(usize::from(columns) + 1) as u16;
    let bytes = rng.below(usize::from(columns - halves) + 1) as u16;
    let blocks = [(halves, 1), (bytes, 2), (columns - halves - bytes, 3)];
    blocks.into_iter().filter(|block| block.0 > 0).collect()
}
