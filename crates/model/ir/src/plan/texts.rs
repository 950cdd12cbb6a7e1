//! The names and notes in a plan. Clients print them, so they hold nothing that steers a terminal.

use std::collections::HashMap;

use super::Plan;

/// Whether a character may stand in a plan's text: it shows as itself, and does not turn the text around it.
fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Plan {
    /// Every text, for a look.
    pub(super) fn texts(&self) -> impl Iterator<Item = &String> {
        let names = self.inputs.iter().map(|i| &i.name).chain(self.outputs.iter().map(|o| &o.name));
        let layers = self.nodes.iter().map(|node| &node.layer);
        [&self.name, &self.preprocessing].into_iter().chain(names).chain(layers)
    }

    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let names =
            self.inputs.iter_mut().map(|i| &mut i.name).chain(self.outputs.iter_mut().map(|o| &mut o.name));
        let layers = self.nodes.iter_mut().map(|node| &mut node.layer);
        [&mut self.name, &mut self.preprocessing].into_iter().chain(names).chain(layers)
    }

    /// Whether every text is plain: no control characters, no marks that turn the direction of writing.
    pub(super) fn has_plain_texts(&self) -> bool {
        self.texts().all(|text| text.chars().all(is_plain))
    }

    /// Puts a question mark in the place of each character that is not plain. It takes no more bytes.
    pub fn clean_texts(&mut self) {
        for text in self.texts_mut().filter(|text| !text.chars().all(is_plain)) {
            *text = text.chars().map(|c| if is_plain(c) { c } else { '?' }).collect();
        }
    }

    /// Puts numbers in the place of the network's names, which may tell whose it is and what it is for. Nodes
    /// of one layer stay together.
    pub fn drop_names(&mut self) {
        self.name = "model".to_owned();
        let mut layers = HashMap::new();
        for node in &mut self.nodes {
            let next = layers.len();
            let number = *layers.entry(std::mem::take(&mut node.layer)).or_insert(next);
            node.layer = format!("layer {number}");
        }
        for (number, input) in self.inputs.iter_mut().enumerate() {
            input.name = format!("input {number}");
        }
        for (number, output) in self.outputs.iter_mut().enumerate() {
            output.name = format!("output {number}");
        }
    }
}
