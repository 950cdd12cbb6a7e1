//! What turns a picture into a network's input, as words that a program can read.

use std::fmt;
use std::str::FromStr;

use image::DynamicImage;
use image::imageops::FilterType;

use crate::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    Gray,
    Rgb,
    Bgr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resize {
    /// So that the short side has so many pixels.
    Short(u32),
    /// To height and width, whatever the aspect.
    Exact(u32, u32),
}

/// How a picture becomes a network's input. It is stated in the plan, as words:
///
/// `channels=gray|rgb|bgr resize=short:N|exact:HxW filter=bicubic|bilinear crop=N mean=A[,B,C] std=A[,B,C]
/// layout=nchw|nhwc`
///
/// Every word is optional. Pixels are 0..=255; then a picture is resized, cropped to the centre, and each
/// channel becomes (v − mean) / std. Words left out do nothing, except that channels and layout follow from
/// the input's shape.
///
/// ```
/// use veilflow_data::Preprocessing;
///
/// let how: Preprocessing = "channels=bgr resize=short:256 crop=224 mean=104,117,123".parse()?;
/// assert_eq!(how.to_string(), "channels=bgr resize=short:256 crop=224 mean=104,117,123");
/// assert!("colour=red".parse::<Preprocessing>().is_err());
/// # Ok::<(), veilflow_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessing {
    channels: Option<Channels>,
    resize: Option<Resize>,
    bilinear: bool,
    crop: Option<u32>,
    mean: Vec<f32>,
    std: Vec<f32>,
    channels_last: Option<bool>,
    text: String,
}

/// Leaves pixels as they are, 0 to 255.
impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            channels: None,
            resize: None,
            bilinear: false,
            crop: None,
            mean: vec![0.0],
            std: vec![1.0],
            channels_last: None,
            text: String::new(),
        }
    }
}

/// The words it was read from.
impl fmt::Display for Preprocessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads the words; [`Error::Preprocessing`] names the first that is not known.
impl FromStr for Preprocessing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut out = Self { text: text.to_owned(), ..Self::default() };
        for word in text.split_whitespace() {
            out.take(word).map_err(|reason| Error::Preprocessing {
                word: word.to_owned(),
                reason: reason.to_owned(),
            })?;
        }
        Ok(out)
    }
}

/// One number, or one a channel.
fn numbers(text: &str) -> std::result::Result<Vec<f32>, &'static str> {
    let values: Vec<f32> = text.split(',').filter_map(|v| v.parse().ok()).collect();
    let all = values.len() == text.split(',').count();
    if all && matches!(values.len(), 1 | 3) && values.iter().all(|v| v.is_finite()) {
        Ok(values)
    } else {
        Err("takes one or three numbers")
    }
}

fn size(text: &str) -> std::result::Result<u32, &'static str> {
    text.parse().ok().filter(|size| (1..=8192).contains(size)).ok_or("a size is 1 to 8192")
}

impl Preprocessing {
    fn take(&mut self, word: &str) -> std::result::Result<(), &'static str> {
        let (key, value) = word.split_once('=').ok_or("is no KEY=VALUE")?;
        match (key, value) {
            ("channels", "gray") => self.channels = Some(Channels::Gray),
            ("channels", "rgb") => self.channels = Some(Channels::Rgb),
            ("channels", "bgr") => self.channels = Some(Channels::Bgr),
            ("filter", "bicubic") => self.bilinear = false,
            ("filter", "bilinear") => self.bilinear = true,
            ("layout", "nchw") => self.channels_last = Some(false),
            ("layout", "nhwc") => self.channels_last = Some(true),
            ("crop", n) => self.crop = Some(size(n)?),
            ("mean", values) => self.mean = numbers(values)?,
            ("std", values) => {
                self.std = numbers(values)?;
                if self.std.contains(&0.0) {
                    return Err("a standard deviation is not zero");
                }
            }
            ("resize", value) => {
                self.resize = Some(match value.split_once(':') {
                    Some(("short", n)) => Resize::Short(size(n)?),
                    Some(("exact", hw)) => {
                        let (h, w) = hw.split_once('x').ok_or("is HxW")?;
                        Resize::Exact(size(h)?, size(w)?)
                    }
                    _ => return Err("is short:N or exact:HxW"),
                });
            }
            _ => return Err("is not known; there are channels, resize, filter, crop, mean, std, layout"),
        }
        Ok(())
    }

    /// A decoded picture as the input of shape `shape`.
    pub(crate) fn picture(&self, picture: &DynamicImage, shape: &[usize]) -> Result<Vec<f32>> {
        let picture = self.crop(self.resize(picture)?)?;
        let (h, w) = (picture.height() as usize, picture.width() as usize);
        let channels = match (self.channels, shape) {
            (Some(channels), _) => channels,
            (None, [.., 3, _, _] | [.., 3]) => Channels::Rgb,
            (None, _) => Channels::Gray,
        };
        let planes: Vec<Vec<u8>> = match channels {
            Channels::Gray => vec![picture.to_luma8().into_raw()],
            Channels::Rgb | Channels::Bgr => {
                let raw = picture.to_rgb8().into_raw();
                let plane = |c: usize| raw.iter().skip(c).step_by(3).copied().collect();
                if channels == Channels::Rgb { [0, 1, 2] } else { [2, 1, 0] }.map(plane).into()
            }
        };
        self.arrange(&planes, [h, w], shape)
    }

    fn resize(&self, picture: &DynamicImage) -> Result<DynamicImage> {
        let filter = if self.bilinear { FilterType::Triangle } else { FilterType::CatmullRom };
        Ok(match self.resize {
            Some(Resize::Short(side)) => {
                let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
                let scale = f64::from(side) / w.min(h);
                let fit = |v: f64| ((v * scale).round() as u32).max(side);
                if w.max(h) * scale > 65_536.0 {
                    return Err(Error::Picture("the picture is too long to resize".to_owned()));
                }
                picture.resize_exact(fit(w), fit(h), filter)
            }
            Some(Resize::Exact(h, w)) => picture.resize_exact(w, h, filter),
            None => picture.clone(),
        })
    }

    fn crop(&self, picture: DynamicImage) -> Result<DynamicImage> {
        let Some(side) = self.crop else { return Ok(picture) };
        let (w, h) = (picture.width(), picture.height());
        if w < side || h < side {
            return Err(Error::Picture(format!("a {w}x{h} picture has no {side}x{side} crop")));
        }
        Ok(picture.crop_imm((w - side) / 2, (h - side) / 2, side, side))
    }

    /// Raw bytes of a data set as the input of shape `shape`: one sample, planes already in the network's
    /// channel order.
    ///
    /// # Errors
    /// [`Error::Picture`] if there are more or fewer bytes than elements.
    pub fn bytes(&self, sample: &[u8], shape: &[usize]) -> Result<Vec<f32>> {
        let elements: usize = shape.iter().product();
        if sample.len() != elements {
            let what = format!("a sample has {} pixels, the input {elements}", sample.len());
            return Err(Error::Picture(what));
        }
        let channels = self.mean.len().max(self.std.len());
        let last = self.is_channels_last(shape, channels);
        let plane = (elements / channels).max(1);
        let normalised = sample.iter().enumerate().map(|(i, &v)| {
            let c = if last { i % channels } else { i / plane };
            self.normalise(c, v)
        });
        Ok(normalised.collect())
    }

    fn normalise(&self, channel: usize, v: u8) -> f32 {
        (f32::from(v) - self.mean[channel % self.mean.len()]) / self.std[channel % self.std.len()]
    }

    fn is_channels_last(&self, shape: &[usize], channels: usize) -> bool {
        self.channels_last.unwrap_or(channels > 1 && shape.last() == Some(&channels))
    }

    fn arrange(&self, planes: &[Vec<u8>], [h, w]: [usize; 2], shape: &[usize]) -> Result<Vec<f32>> {
        let channels = planes.len();
        let last = self.is_channels_last(shape, channels);
        let expected = if last { [h, w, channels] } else { [channels, h, w] };
        let fits = shape.iter().product::<usize>() == channels * h * w && shape.ends_with(&expected);
        if !(fits || channels == 1 && shape.ends_with(&[h, w])) {
            return Err(Error::Picture(format!(
                "a {h}x{w} picture of {channels} channels does not fit an input of shape {shape:?}; \
                 state resize, crop or channels"
            )));
        }
        let at = |i: usize| {
            let (c, pixel) = if last { (i % channels, i / channels) } else { (i / (h * w), i % (h * w)) };
            self.normalise(c, planes[c][pixel])
        };
        Ok((0..channels * h * w).map(at).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_resized_cropped_reordered_and_normalised() {
        let mut picture = image::RgbImage::new(4, 2);
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            *pixel = image::Rgb([x as u8, 10 + y as u8, 200]);
        }
        let picture = DynamicImage::ImageRgb8(picture);
        let how: Preprocessing = "channels=bgr crop=2 mean=100,10,0 std=2,1,1".parse().unwrap();
        let nchw = how.picture(&picture, &[1, 3, 2, 2]).unwrap();
        assert_eq!(nchw, [50.0, 50.0, 50.0, 50.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 2.0]);
        let how: Preprocessing = format!("{how} layout=nhwc").parse().unwrap();
        let nhwc = how.picture(&picture, &[1, 2, 2, 3]).unwrap();
        assert_eq!(nhwc[..6], [50.0, 0.0, 1.0, 50.0, 0.0, 2.0]);
        let how: Preprocessing = "resize=exact:6x5".parse().unwrap();
        assert_eq!(how.picture(&picture, &[1, 3, 6, 5]).unwrap().len(), 90);
        assert!(how.picture(&picture, &[1, 3, 5, 6]).is_err(), "shape misfit is an error");
    }

    #[test]
    fn bad_words_are_named() {
        for word in ["crop=0", "crop=x", "colour=red", "std=0", "mean=1,2", "mean=1,x", "resize=9", "gray"] {
            let error = word.parse::<Preprocessing>().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_no_sample_are_refused() {
        let how: Preprocessing = "mean=1,2,3".parse().unwrap();
        assert!(how.bytes(&[0; 5], &[1, 2, 3]).is_err());
        assert_eq!(how.bytes(&[7], &[1]).unwrap(), [6.0]);
    }
}
