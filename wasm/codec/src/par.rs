//! Independent jobs, on threads where the feature `parallel` is on (the caller's rayon pool), else one after another.

#[cfg(feature = "parallel")]
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    // One at a time: rayon would hand out runs of neighbours, and jobs are few and long.
    items.into_par_iter().with_max_len(1).map(work).collect()
}

#[cfg(not(feature = "parallel"))]
pub(crate) fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}
