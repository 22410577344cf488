//! Which instruction set the kernels use. All give the same symbols; a test, or the environment, can force one.

use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Scalar = 1,
    #[cfg(target_arch = "x86_64")]
    Sse41,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
}

/// Slowest first: the last one that runs here is the default.
const KINDS: &[Kind] = &[
    Kind::Scalar,
    #[cfg(target_arch = "x86_64")]
    Kind::Sse41,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx2,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx512,
    #[cfg(target_arch = "aarch64")]
    Kind::Neon,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Kind::Simd128,
];

/// An instruction set that this machine has: holding one is the proof that its kernels may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend(pub(crate) Kind);

/// Kind of [`Backend::current`]; 0 until it is asked for.
static CURRENT: AtomicU8 = AtomicU8::new(0);

impl Backend {
    /// Every backend that runs here, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        KINDS.iter().copied().filter(|&kind| runs_here(kind)).map(Self)
    }

    /// The one with this name, if it runs here.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|backend| backend.name() == name)
    }

    /// `scalar`, `sse41`, `avx2`, `avx512`, `neon` or `simd128`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Sse41 => "sse41",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 => "simd128",
        }
    }

    /// The backend of this process: the forced one, else the one that `KVEDGE_SIMD` names, else the fastest here.
    pub fn current() -> Self {
        let chosen = CURRENT.load(Ordering::Relaxed);
        if let Some(backend) = Self::available().find(|backend| backend.0 as u8 == chosen) {
            return backend;
        }
        let asked = std::env::var("KVEDGE_SIMD").ok().and_then(|name| Self::named(&name));
        let backend = asked.or_else(|| Self::available().last()).unwrap_or(Self(Kind::Scalar));
        CURRENT.store(backend.0 as u8, Ordering::Relaxed);
        backend
    }

    /// Makes this the current backend of the process. Results do not depend on it, only speed does.
    pub fn force(self) {
        CURRENT.store(self.0 as u8, Ordering::Relaxed);
    }
}

fn runs_here(kind: Kind) -> bool {
    match kind {
        Kind::Scalar => true,
        #[cfg(target_arch = "x86_64")]
        Kind::Sse41 => is_x86_feature_detected!("sse4.1") && is_x86_feature_detected!("popcnt"),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt"),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi2")
                && is_x86_feature_detected!("popcnt")
        }
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => true,
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Kind::Simd128 => true,
    }
}
