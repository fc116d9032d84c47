//! Matrices of 8-bit weights.

/// Matrix of 8-bit weights, `[rows, columns]`. The value of `q` in column `c` is `(q - zero[c]) * scale[c]`.
#[derive(Clone)]
pub(crate) struct Quantised {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) data: Vec<u8>,
    pub(crate) scale: Vec<f32>,
    pub(crate) zero: Vec<u8>,
}

impl Quantised {
    /// Concatenates matrices of the same height side by side.
    pub(crate) fn concat(parts: &[Quantised]) -> Quantised {
        let rows = parts.first().map_or(0, |p| p.rows);
        let columns = parts.iter().map(|p| p.columns).sum();
        let mut data = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for part in parts {
                data.extend_from_slice(&part.data[row * part.columns..(row + 1) * part.columns]);
            }
        }
        let scale = parts.iter().flat_map(|p| p.scale.iter().copied()).collect();
        let zero = parts.iter().flat_map(|p| p.zero.iter().copied()).collect();
        Quantised { rows, columns, data, scale, zero }
    }

    /// Multiplies all weights by `factor`.
    pub(crate) fn times(mut self, factor: f32) -> Quantised {
        self.scale.iter_mut().for_each(|s| *s *= factor);
        self
    }
}
