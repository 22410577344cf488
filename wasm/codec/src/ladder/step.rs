//! Step sizes of the ladder (section 6.1 and 10).

/// Step shifts of a token (section 6.2).
pub const MIN_SHIFT: i8 = -11;
pub const MAX_SHIFT: i8 = 4;

/// 3^(j / 4) for j = MIN_SHIFT ..= MAX_SHIFT.
const SHIFT_FACTORS: [f64; 16] = [
    0.048_743_481_961_203_43,
    0.064_150_029_909_958_41,
    0.084_426_187_294_621_4,
    1.0 / 9.0,
    0.146_230_445_883_610_28,
    0.192_450_089_729_875_26,
    0.253_278_561_883_864_16,
    1.0 / 3.0,
    0.438_691_337_650_830_8,
    0.577_350_269_189_625_7,
    0.759_835_685_651_592_5,
    1.0,
    1.316_074_012_952_492_4,
    1.732_050_807_568_877_2,
    2.279_507_056_954_777_5,
    3.0,
];
const PASS_FACTORS: [f64; 6] = [1.0, 3.0, 9.0, 27.0, 81.0, 243.0];

fn shift_factor(shift: i8) -> f64 {
    SHIFT_FACTORS[(shift.clamp(MIN_SHIFT, MAX_SHIFT) - MIN_SHIFT) as usize]
}

/// baseStep * 3^(shift / 4) / 3^pass.
pub fn step_size(base_step: f32, shift: i8, pass: u8) -> f32 {
    (f64::from(base_step) * shift_factor(shift) / PASS_FACTORS[usize::from(pass.min(5))]) as f32
}

/// Weight 3^(-shift / 2) of a token's squared error: one over its squared step, base step and pass apart.
pub fn error_weight(shift: i8) -> f32 {
    let factor = shift_factor(shift);
    (1.0 / (factor * factor)) as f32
}
