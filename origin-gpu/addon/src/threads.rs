//! The thread pool of all calls.

use std::sync::{Arc, Mutex};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// `None`: rayon's global pool, one thread per CPU.
static POOL: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);

pub fn set_count(threads: usize) -> Result<(), napi::Error<String>> {
    let built = match threads {
        0 => Ok(None),
        threads => ThreadPoolBuilder::new().num_threads(threads).build().map(|pool| Some(Arc::new(pool))),
    };
    let pool = built.map_err(|error| napi::Error::new("invalid-argument".to_owned(), error.to_string()))?;
    *POOL.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = pool;
    Ok(())
}

pub fn on_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let pool = POOL.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
