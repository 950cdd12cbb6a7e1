//! Values of flags that several commands take.

use std::time::Duration;

use veilflow::OutOfRange;

/// Checks a `--timeout`, in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.001..=86_400.0).contains(&s) => Ok(Duration::from_secs_f64(s)),
        _ => Err("must be seconds between 0.001 and 86400".to_owned()),
    }
}

/// Bytes of what is kept, if anything is.
pub(crate) type Megabytes = Option<usize>;

/// Checks a limit in megabytes, or `off`.
pub(crate) fn megabytes(text: &str) -> Result<Megabytes, String> {
    if text == "off" {
        return Ok(None);
    }
    let megabytes = text.parse::<usize>().map_err(|_| "there is off, or a number of megabytes".to_owned())?;
    let bytes = megabytes.checked_mul(1_000_000).ok_or("no memory is that large")?;
    Ok(Some(bytes))
}

/// Checks a part in percent.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("must be 0 or more".to_owned()) }
}

/// What becomes of inputs with elements beyond the range that the plan has room for.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum OutOfRangeFlag {
    /// Refuse them before anything is sent, with exit code 3.
    #[default]
    Refuse,
    /// Limit the elements to the range.
    Clip,
}

impl From<OutOfRangeFlag> for OutOfRange {
    fn from(flag: OutOfRangeFlag) -> Self {
        match flag {
            OutOfRangeFlag::Refuse => Self::Refuse,
            OutOfRangeFlag::Clip => Self::Clip,
        }
    }
}
