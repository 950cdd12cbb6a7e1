//! What turns a picture into a network's input. It is stated in the plan, as words a program can read:
//!
//! `channels=gray|rgb|bgr resize=short:N|exact:HxW filter=bicubic|bilinear crop=N mean=A[,B,C] std=A[,B,C] layout=nchw|nhwc`
//!
//! Every word is optional. Pixels are 0..=255; then a picture is resized, cropped to the centre, and each channel becomes
//! (v − mean) / std. Words left out do nothing, except that channels and layout follow from the input's shape.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use image::DynamicImage;
use image::imageops::FilterType;

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

/// How to prepare a picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Preprocessing {
    channels: Option<Channels>,
    resize: Option<Resize>,
    bilinear: bool,
    crop: Option<u32>,
    mean: Vec<f32>,
    std: Vec<f32>,
    channels_last: Option<bool>,
    text: String,
}

impl fmt::Display for Preprocessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn numbers(text: &str) -> Result<Vec<f32>> {
    let values: Vec<f32> = text.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
    ensure!(matches!(values.len(), 1 | 3) && values.iter().all(|v| v.is_finite()), "one or three numbers");
    Ok(values)
}

fn size(text: &str) -> Result<u32> {
    let size = text.parse()?;
    ensure!((1..=8192).contains(&size), "a size is 1 to 8192");
    Ok(size)
}

impl FromStr for Preprocessing {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut out = Self {
            channels: None,
            resize: None,
            bilinear: false,
            crop: None,
            mean: vec![0.0],
            std: vec![1.0],
            channels_last: None,
            text: text.to_owned(),
        };
        for word in text.split_whitespace() {
            out.take(word).with_context(|| format!("preprocessing {word:?}"))?;
        }
        Ok(out)
    }
}

impl Preprocessing {
    fn take(&mut self, word: &str) -> Result<()> {
        let (key, value) = word.split_once('=').context("is no KEY=VALUE")?;
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
                ensure!(self.std.iter().all(|&v| v != 0.0), "a standard deviation is not zero");
            }
            ("resize", value) => {
                self.resize = Some(match value.split_once(':') {
                    Some(("short", n)) => Resize::Short(size(n)?),
                    Some(("exact", hw)) => {
                        let (h, w) = hw.split_once('x').context("is HxW")?;
                        Resize::Exact(size(h)?, size(w)?)
                    }
                    _ => bail!("is short:N or exact:HxW"),
                });
            }
            _ => bail!("is not known; there are channels, resize, filter, crop, mean, std, layout"),
        }
        Ok(())
    }

    /// A picture as the input of shape `shape`.
    pub(crate) fn apply(&self, picture: &DynamicImage, shape: &[usize]) -> Result<Vec<f32>> {
        let filter = if self.bilinear { FilterType::Triangle } else { FilterType::CatmullRom };
        let mut picture = match self.resize {
            Some(Resize::Short(side)) => {
                let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
                let scale = f64::from(side) / w.min(h);
                let fit = |v: f64| ((v * scale).round() as u32).max(side);
                ensure!(w.max(h) * scale <= 65_536.0, "the picture is too long to resize");
                picture.resize_exact(fit(w), fit(h), filter)
            }
            Some(Resize::Exact(h, w)) => picture.resize_exact(w, h, filter),
            None => picture.clone(),
        };
        if let Some(side) = self.crop {
            let (w, h) = (picture.width(), picture.height());
            ensure!(w >= side && h >= side, "a {w}x{h} picture has no {side}x{side} crop");
            picture = picture.crop_imm((w - side) / 2, (h - side) / 2, side, side);
        }
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

    /// Raw bytes of a data set, one sample: planes already in the network's channel order.
    pub(crate) fn apply_raw(&self, sample: &[u8], shape: &[usize]) -> Result<Vec<f32>> {
        let elements: usize = shape.iter().product();
        ensure!(sample.len() == elements, "a sample has {} pixels, the input {elements}", sample.len());
        let channels = self.mean.len().max(self.std.len());
        let last = self.is_channels_last(shape, channels);
        let plane = elements / channels;
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
        ensure!(
            fits || (channels == 1 && shape.ends_with(&[h, w])),
            "a {h}x{w} picture of {channels} channels does not fit an input of shape {shape:?}; \
             state resize, crop or channels"
        );
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
        let nchw = how.apply(&picture, &[1, 3, 2, 2]).unwrap();
        assert_eq!(nchw, [50.0, 50.0, 50.0, 50.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 2.0]);
        let how: Preprocessing = format!("{how} layout=nhwc").parse().unwrap();
        let nhwc = how.apply(&picture, &[1, 2, 2, 3]).unwrap();
        assert_eq!(nhwc[..6], [50.0, 0.0, 1.0, 50.0, 0.0, 2.0]);
        let how: Preprocessing = "resize=exact:6x5".parse().unwrap();
        assert_eq!(how.apply(&picture, &[1, 3, 6, 5]).unwrap().len(), 90);
        assert!(how.apply(&picture, &[1, 3, 5, 6]).is_err(), "shape misfit is an error");
    }

    #[test]
    fn bad_words_are_named() {
        for word in ["crop=0", "crop=x", "colour=red", "std=0", "mean=1,2", "resize=9", "gray"] {
            let error = word.parse::<Preprocessing>().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
