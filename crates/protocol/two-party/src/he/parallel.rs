//! Work in threads, in an order that does not depend on their number. Each thread holds a few items at a
//! time, so memory is bounded.

use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;

use veilflow_correlation::Result;

/// Calls `work` for each number below `count` in up to `threads` threads, and `consume` in this one with what
/// each returns, in order.
///
/// # Errors
/// Those of `consume`.
pub(super) fn in_order<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut consume: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let threads = threads.min(count);
    if threads <= 1 {
        return (0..count).try_for_each(|i| consume(work(i)));
    }
    thread::scope(|scope| {
        let work = &work;
        let outputs: Vec<_> = (0..threads)
            .map(|first| {
                let (sender, receiver) = sync_channel(1);
                // After an error nobody listens any more.
                scope.spawn(move || (first..count).step_by(threads).try_for_each(|i| sender.send(work(i))));
                receiver
            })
            .collect();
        for output in outputs.iter().cycle().take(count) {
            // A thread that is gone has panicked. The scope passes that on.
            let Ok(made) = output.recv() else { break };
            consume(made)?;
        }
        Ok(())
    })
}

/// Calls `produce` in this thread for each number below `count`, in order, and `work` with what it returns in
/// up to `threads` threads. The results are in the same order.
///
/// # Errors
/// Those of `produce` and of `work`.
pub(super) fn spread<T: Send, R: Send>(
    threads: usize,
    count: usize,
    mut produce: impl FnMut(usize) -> Result<T>,
    work: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let threads = threads.min(count);
    if threads <= 1 {
        return (0..count).map(|i| work(produce(i)?)).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let (inputs, workers): (Vec<_>, Vec<_>) = (0..threads)
            .map(|_| {
                let (sender, receiver) = sync_channel(2);
                (sender, scope.spawn(move || receiver.into_iter().map(work).collect::<Result<Vec<R>>>()))
            })
            .unzip();
        let mut produced = Ok(());
        for (i, input) in inputs.iter().cycle().take(count).enumerate() {
            match produce(i) {
                Ok(item) => {
                    if input.send(item).is_err() {
                        // After an error nobody listens any more.
                        break;
                    }
                }
                Err(error) => {
                    produced = Err(error);
                    break;
                }
            }
        }
        drop(inputs);
        let join =
            |worker: thread::ScopedJoinHandle<'_, _>| worker.join().unwrap_or_else(|p| resume_unwind(p));
        let results: Vec<Result<Vec<R>>> = workers.into_iter().map(join).collect();
        produced?;
        let mut results: Vec<_> =
            results.into_iter().map(|r| r.map(Vec::into_iter)).collect::<Result<_>>()?;
        Ok((0..count).filter_map(|i| results[i % threads].next()).collect())
    })
}

#[cfg(test)]
mod tests {
    use veilflow_correlation::CorrelationError;

    use super::*;

    fn failure(layer: usize) -> CorrelationError {
        CorrelationError::NoLinearPair { layer }
    }

    #[test]
    fn order_does_not_depend_on_threads() {
        for threads in 0..5 {
            for count in 0..9 {
                let mut seen = Vec::new();
                in_order(
                    threads,
                    count,
                    |i| i * i,
                    |x| {
                        seen.push(x);
                        Ok(())
                    },
                )
                .unwrap();
                let want: Vec<usize> = (0..count).map(|i| i * i).collect();
                assert_eq!(seen, want);
                assert_eq!(spread(threads, count, Ok, |i| Ok(i * i)).unwrap(), want);
            }
        }
    }

    #[test]
    fn errors_end_everything() {
        for threads in 1..4 {
            for bad in 0..7 {
                let fail = |i: usize| if i == bad { Err(failure(i)) } else { Ok(()) };
                assert!(in_order(threads, 7, |i| i, fail).is_err());
                assert!(spread(threads, 7, |i| fail(i).map(|()| i), Ok).is_err());
                assert!(spread(threads, 7, Ok, fail).is_err());
            }
        }
    }
}
