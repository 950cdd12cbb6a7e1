//! What a network wants to be given.

/// An input of a network, as files of samples are read for it.
#[derive(Debug, Clone, Copy)]
pub struct InputSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its dimensions, outermost first.
    pub shape: &'a [usize],
    one_hot: bool,
}

impl<'a> InputSpec<'a> {
    /// An input of numbers.
    pub fn new(name: &'a str, shape: &'a [usize]) -> Self {
        Self { name, shape, one_hot: false }
    }

    /// The same as an input of indices: files hold integers, each of which becomes a row of zeros with a one,
    /// along the last dimension.
    pub fn one_hot(self) -> Self {
        Self { one_hot: true, ..self }
    }

    /// How many indices there are to choose from, if it takes indices.
    pub(crate) fn classes(&self) -> Option<usize> {
        self.shape.last().copied().filter(|_| self.one_hot)
    }

    /// The dimensions of what files hold for it.
    pub(crate) fn given(&self) -> &'a [usize] {
        &self.shape[..self.shape.len() - usize::from(self.one_hot)]
    }
}
