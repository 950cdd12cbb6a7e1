//! Inputs from files: npy, npz, png, jpeg, and folders of pictures.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, ReadNpyExt, ReadableElement};

use crate::preprocess::Preprocessing;

/// The largest data file read.
const MAX_FILE: u64 = 4 << 30;

/// How much of a file of labels is read.
const MAX_LABELS: u64 = 64 << 20;

/// Samples of one network, each a flat input in row-major order.
#[derive(Default)]
pub(crate) struct Samples {
    /// The inputs.
    pub(crate) inputs: Vec<Vec<f32>>,
    /// The true classes, where known.
    pub(crate) labels: Option<Vec<i64>>,
    /// Names of the files they come from, if they are pictures.
    pub(crate) names: Vec<String>,
}

fn open(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let len = file.metadata()?.len();
    ensure!(len <= MAX_FILE, "{} has {len} bytes; at most {MAX_FILE} are read", path.display());
    Ok(file)
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Reads every sample in `path` for an input of `shape`. Pictures and bytes go through `preprocessing`; floats are
/// taken as they are.
pub(crate) fn load(path: &Path, shape: &[usize], preprocessing: &Preprocessing) -> Result<Samples> {
    let samples = match extension(path).as_str() {
        _ if path.is_dir() => folder(path, shape, preprocessing),
        "npy" => npy(path, shape, preprocessing),
        "npz" => npz(path, shape, preprocessing),
        "png" | "jpg" | "jpeg" => pictures(&[path.to_owned()], shape, preprocessing),
        _ => Err(anyhow!("it is none of npy, npz, png, jpeg, or a folder of pictures")),
    };
    let samples = samples.with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!samples.inputs.is_empty(), "{} holds no input", path.display());
    ensure!(
        samples.inputs.iter().flatten().all(|v| v.is_finite()),
        "{} holds a number that is not finite",
        path.display()
    );
    Ok(samples)
}

fn picture(path: &Path, shape: &[usize], preprocessing: &Preprocessing) -> Result<Vec<f32>> {
    open(path)?;
    let mut reader = image::ImageReader::open(path)?.with_guessed_format()?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(1 << 15);
    limits.max_image_height = Some(1 << 15);
    reader.limits(limits);
    preprocessing.apply(&reader.decode()?, shape)
}

fn folder(path: &Path, shape: &[usize], preprocessing: &Preprocessing) -> Result<Samples> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| matches!(extension(file).as_str(), "png" | "jpg" | "jpeg"))
        .collect();
    files.sort();
    pictures(&files, shape, preprocessing)
}

fn pictures(files: &[PathBuf], shape: &[usize], preprocessing: &Preprocessing) -> Result<Samples> {
    let mut samples = Samples::default();
    for file in files {
        let input =
            picture(file, shape, preprocessing).with_context(|| format!("cannot read {}", file.display()))?;
        samples.inputs.push(input);
        samples.names.push(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    Ok(samples)
}

/// The classes of pictures with these names. `from` is a text file with a name and a class a line, or the word `names`: then
/// the class is what follows the last underscore of each name.
pub(crate) fn labels(from: &Path, names: &[String]) -> Result<Vec<i64>> {
    ensure!(!names.is_empty(), "--labels is for pictures; arrays come with their labels in an npz file");
    if from.as_os_str() == "names" {
        let class = |name: &String| {
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            stem.rsplit_once('_').and_then(|(_, class)| class.parse().ok())
        };
        let class = |name: &String| class(name).with_context(|| format!("{name} does not end with _CLASS"));
        return names.iter().map(class).collect();
    }
    let file = from.display();
    let mut text = String::new();
    open(from)?.take(MAX_LABELS).read_to_string(&mut text).with_context(|| format!("cannot read {file}"))?;
    let mut classes = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let (name, class) = line
            .trim()
            .rsplit_once(char::is_whitespace)
            .and_then(|(name, class)| Some((name.trim(), class.parse::<i64>().ok()?)))
            .with_context(|| format!("line {number} of {file} is not a file name and a class number"))?;
        ensure!(classes.insert(name, class).is_none(), "{file} has {name} twice");
    }
    let class = |name: &String| classes.get(name.as_str()).copied();
    names.iter().map(|n| class(n).with_context(|| format!("{file} has no class for {n}"))).collect()
}

/// Cuts a batch into samples: the array is one sample, or one more dimension of them.
fn cut<T: Copy>(array: &ArrayD<T>, shape: &[usize]) -> Result<Vec<Vec<T>>> {
    let elements: usize = shape.iter().product();
    let values: Vec<T> = array.iter().copied().collect();
    let squeezed = |dims: &[usize]| dims.iter().copied().filter(|&d| d != 1).collect::<Vec<_>>();
    let wanted = squeezed(shape);
    let given = squeezed(array.shape());
    let batch = given.strip_suffix(&wanted[..]);
    ensure!(
        elements > 0 && batch.is_some_and(|batch| batch.len() <= 1),
        "an array of shape {:?} does not hold inputs of shape {shape:?}",
        array.shape()
    );
    Ok(values.chunks(elements).map(<[T]>::to_vec).collect())
}

fn npy(path: &Path, shape: &[usize], preprocessing: &Preprocessing) -> Result<Samples> {
    if let Ok(array) = ArrayD::<f32>::read_npy(open(path)?) {
        return Ok(Samples { inputs: cut(&array, shape)?, ..Samples::default() });
    }
    let array = ArrayD::<u8>::read_npy(open(path)?).context("it holds neither f32 nor u8")?;
    let inputs =
        cut(&array, shape)?.iter().map(|s| preprocessing.apply_raw(s, shape)).collect::<Result<_>>()?;
    Ok(Samples { inputs, ..Samples::default() })
}

type Npz = NpzReader<File>;

fn array<T: ReadableElement>(npz: &mut Npz, name: &str) -> Option<ArrayD<T>> {
    npz.by_name::<OwnedRepr<T>, IxDyn>(&format!("{name}.npy"))
        .or_else(|_| npz.by_name::<OwnedRepr<T>, IxDyn>(name))
        .ok()
}

fn integers(npz: &mut Npz, name: &str) -> Option<Vec<i64>> {
    array::<i64>(npz, name)
        .map(|a| a.iter().copied().collect())
        .or_else(|| array::<i32>(npz, name).map(|a| a.iter().map(|&v| i64::from(v)).collect()))
        .or_else(|| array::<u8>(npz, name).map(|a| a.iter().map(|&v| i64::from(v)).collect()))
}

/// `x` (f32, or u8 to be preprocessed) with classes `y`; or `input_0`, `input_1`, ... with classes `labels`.
fn npz(path: &Path, shape: &[usize], preprocessing: &Preprocessing) -> Result<Samples> {
    let mut npz = Npz::new(open(path)?)?;
    let mut inputs = Vec::new();
    let mut labels = None;
    if let Some(x) = array::<f32>(&mut npz, "x") {
        inputs = cut(&x, shape)?;
        labels = integers(&mut npz, "y");
    } else if let Some(x) = array::<u8>(&mut npz, "x") {
        inputs = cut(&x, shape)?.iter().map(|s| preprocessing.apply_raw(s, shape)).collect::<Result<_>>()?;
        labels = integers(&mut npz, "y");
    } else {
        while let Some(x) = array::<f32>(&mut npz, &format!("input_{}", inputs.len())) {
            let mut sample = cut(&x, shape)?;
            ensure!(sample.len() == 1, "input_{} holds several samples", inputs.len());
            inputs.append(&mut sample);
        }
        ensure!(!inputs.is_empty(), "it has neither `x` nor `input_0` of type f32 or u8");
        labels = integers(&mut npz, "labels").or(labels);
    }
    if let Some(labels) = &labels {
        ensure!(labels.len() == inputs.len(), "{} labels for {} inputs", labels.len(), inputs.len());
    }
    Ok(Samples { inputs, labels, ..Samples::default() })
}
