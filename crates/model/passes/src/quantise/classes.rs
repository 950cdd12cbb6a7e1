//! Things in classes: a forest of disjoint sets, with path halving.

/// The numbers from 0 on, each in a class that one of its members stands for.
pub(super) struct Classes {
    parent: Vec<usize>,
}

impl Classes {
    /// Each of `count` numbers in a class of its own.
    pub(super) fn new(count: usize) -> Self {
        Self { parent: (0..count).collect() }
    }

    /// The member that stands for the class of `member`.
    pub(super) fn find(&mut self, mut member: usize) -> usize {
        while self.parent[member] != member {
            self.parent[member] = self.parent[self.parent[member]];
            member = self.parent[member];
        }
        member
    }

    /// Makes one class of two, for which that of `b` stands as before. Also returns whether they were two.
    pub(super) fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a] = b;
        a != b
    }

    /// The member that stands for each number's class.
    pub(super) fn all(mut self) -> Vec<usize> {
        (0..self.parent.len()).map(|member| self.find(member)).collect()
    }
}
