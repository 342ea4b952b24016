//! Positions in a picture: columns from left to right, with few crossing arrows.
//!
//! The usual four stages of layered drawing (Sugiyama, Tagawa, Toda 1981): reverse arrows that lead back,
//! assign everything to columns by its longest path from the beginning, order each column by the positions of its
//! neighbours, then move everything as near to its neighbours as the order allows.

/// Sweeps over all columns to find an order.
const SWEEPS: usize = 12;

/// Space between two things of one column.
const GAP: f32 = 16.0;

/// Height kept free for a way that passes through a column.
const PASSING: f32 = 12.0;

/// Where one thing stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) column: usize,
    /// Upper edge.
    pub(super) top: f32,
    pub(super) height: f32,
}

/// How one way runs: the heights at which it passes the columns between its ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    /// Columns with the height at which each is passed, from left to right.
    pub(super) through: Vec<(usize, f32)>,
    /// The way leads to the left, or back to where it began.
    pub(super) back: bool,
}

#[derive(Debug)]
pub(super) struct Layout {
    pub(super) spots: Vec<Spot>,
    /// One per way, in their order.
    pub(super) routes: Vec<Route>,
    pub(super) columns: usize,
    pub(super) height: f32,
}

/// Places things of the given heights with `ways` (from, to) between them. The first thing is the beginning.
pub(super) fn lay_out(heights: &[f32], ways: &[(usize, usize)]) -> Layout {
    let back = turned_round(heights.len(), ways);
    let forward: Vec<(usize, usize)> = ways
        .iter()
        .zip(&back)
        .map(|(&(from, to), back)| if *back { (to, from) } else { (from, to) })
        .collect();
    let column = columns(heights.len(), &forward);
    let mut grid = Grid::new(heights, &column, &forward);
    grid.order();
    let tops = grid.place();
    let spot = |at: usize| Spot { column: grid.column[at], top: tops[at], height: grid.heights[at] };
    let height = (0..tops.len()).map(|at| tops[at] + grid.heights[at]).fold(0.0, f32::max);
    let routes = grid
        .chains
        .iter()
        .zip(&back)
        .map(|(chain, back)| {
            let through = chain.iter().map(|at| (grid.column[*at], tops[*at] + PASSING / 2.0)).collect();
            Route { through, back: *back }
        })
        .collect();
    Layout { spots: (0..heights.len()).map(spot).collect(), routes, columns: grid.cells.len(), height }
}

/// The ways that close a cycle, found on a walk from the beginning in the order they are given.
fn turned_round(things: usize, ways: &[(usize, usize)]) -> Vec<bool> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); things];
    for (way, (from, _)) in ways.iter().enumerate() {
        out[*from].push(way);
    }
    let mut back = vec![false; ways.len()];
    let (mut open, mut done) = (vec![false; things], vec![false; things]);
    for root in 0..things {
        let mut stack = vec![(root, 0usize)];
        while let Some((thing, next)) = stack.pop() {
            if done[thing] {
                continue;
            }
            open[thing] = true;
            let Some(&way) = out[thing].get(next) else {
                (open[thing], done[thing]) = (false, true);
                continue;
            };
            stack.push((thing, next + 1));
            let to = ways[way].1;
            if open[to] {
                back[way] = true;
            } else if !done[to] {
                stack.push((to, 0));
            }
        }
    }
    back
}

/// The longest way from the beginning, counted in ways. A way from a thing to itself counts nothing.
fn columns(things: usize, forward: &[(usize, usize)]) -> Vec<usize> {
    let mut column = vec![0usize; things];
    let mut waiting = vec![0usize; things];
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); things];
    for &(from, to) in forward.iter().filter(|(from, to)| from != to) {
        waiting[to] += 1;
        out[from].push(to);
    }
    let mut ready: Vec<usize> = (0..things).filter(|thing| waiting[*thing] == 0).collect();
    while let Some(thing) = ready.pop() {
        for &to in &out[thing] {
            column[to] = column[to].max(column[thing] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push(to);
            }
        }
    }
    column
}

/// Things and the bends of long ways, in columns.
struct Grid {
    heights: Vec<f32>,
    column: Vec<usize>,
    /// Neighbours one column to the left and to the right.
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
    /// The bends of each way, from left to right.
    chains: Vec<Vec<usize>>,
    /// What stands in each column, from top to bottom.
    cells: Vec<Vec<usize>>,
}

impl Grid {
    fn new(heights: &[f32], column: &[usize], forward: &[(usize, usize)]) -> Self {
        let (mut heights, mut column) = (heights.to_vec(), column.to_vec());
        let mut links = Vec::new();
        let mut chains = Vec::with_capacity(forward.len());
        for &(from, to) in forward {
            let mut chain = Vec::new();
            let mut before = from;
            for between in column[from] + 1..column[to] {
                heights.push(PASSING);
                column.push(between);
                let bend = heights.len() - 1;
                links.push((before, bend));
                chain.push(bend);
                before = bend;
            }
            if from != to {
                links.push((before, to));
            }
            chains.push(chain);
        }
        let (mut left, mut right) = (vec![Vec::new(); heights.len()], vec![Vec::new(); heights.len()]);
        for (from, to) in links {
            right[from].push(to);
            left[to].push(from);
        }
        let mut cells = vec![Vec::new(); column.iter().max().map_or(0, |last| last + 1)];
        for (at, column) in column.iter().enumerate() {
            cells[*column].push(at);
        }
        Self { heights, column, left, right, chains, cells }
    }

    /// Sorts each column by the middle of its neighbours' ranks, to and fro, and keeps the best order seen.
    fn order(&mut self) {
        let mut rank = vec![0.0_f32; self.heights.len()];
        self.ranks(&mut rank);
        let mut best = (self.crossings(&rank), self.cells.clone());
        for sweep in 0..SWEEPS {
            let rightwards = sweep % 2 == 0;
            let order: Vec<usize> = if rightwards {
                (1..self.cells.len()).collect()
            } else {
                (0..self.cells.len().saturating_sub(1)).rev().collect()
            };
            for column in order {
                let sides = if rightwards { &self.left } else { &self.right };
                let middle = |at: usize| {
                    let side = &sides[at];
                    if side.is_empty() {
                        rank[at]
                    } else {
                        side.iter().map(|n| rank[*n]).sum::<f32>() / side.len() as f32
                    }
                };
                let mut sorted: Vec<(f32, usize)> =
                    self.cells[column].iter().map(|at| (middle(*at), *at)).collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.cells[column] = sorted.into_iter().map(|(_, at)| at).collect();
                self.ranks(&mut rank);
            }
            let crossings = self.crossings(&rank);
            if crossings < best.0 {
                best = (crossings, self.cells.clone());
            }
        }
        self.cells = best.1;
    }

    fn ranks(&self, rank: &mut [f32]) {
        for cells in &self.cells {
            for (place, at) in cells.iter().enumerate() {
                rank[*at] = place as f32 / cells.len().max(1) as f32;
            }
        }
    }

    fn crossings(&self, rank: &[f32]) -> usize {
        let mut count = 0;
        for cells in &self.cells {
            let links: Vec<(f32, f32)> =
                cells.iter().flat_map(|at| self.right[*at].iter().map(|to| (rank[*at], rank[*to]))).collect();
            for (n, a) in links.iter().enumerate() {
                count += links[n + 1..].iter().filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0).count();
            }
        }
        count
    }

    /// The upper edges: near the neighbours, in order, without overlap.
    fn place(&self) -> Vec<f32> {
        let mut tops = vec![0.0_f32; self.heights.len()];
        for cells in &self.cells {
            let mut top = 0.0;
            for at in cells {
                tops[*at] = top;
                top += self.heights[*at] + GAP;
            }
        }
        for round in 0..2 * SWEEPS {
            for column in 0..self.cells.len() {
                let column = if round % 2 == 0 { column } else { self.cells.len() - 1 - column };
                let wanted: Vec<f32> = self.cells[column].iter().map(|at| self.wanted(*at, &tops)).collect();
                self.settle(column, &wanted, &mut tops);
            }
        }
        let least = tops.iter().copied().fold(f32::MAX, f32::min);
        tops.iter().map(|top| top - least).collect()
    }

    /// The upper edge that puts a thing level with the middle of its neighbours.
    fn wanted(&self, at: usize, tops: &[f32]) -> f32 {
        let around: Vec<usize> = self.left[at].iter().chain(&self.right[at]).copied().collect();
        if around.is_empty() {
            return tops[at];
        }
        let middle = |n: &usize| tops[*n] + self.heights[*n] / 2.0;
        around.iter().map(middle).sum::<f32>() / around.len() as f32 - self.heights[at] / 2.0
    }

    /// Moves a column's things to the wanted places, those that would overlap together (pool adjacent violators).
    fn settle(&self, column: usize, wanted: &[f32], tops: &mut [f32]) {
        let mut offset = 0.0;
        let mut pools: Vec<(f32, usize)> = Vec::new();
        let mut offsets = Vec::with_capacity(wanted.len());
        for (place, at) in self.cells[column].iter().enumerate() {
            offsets.push(offset);
            pools.push((wanted[place] - offset, 1));
            offset += self.heights[*at] + GAP;
            while let [.., (before, n), (last, m)] = pools.as_slice()
                && before > last
            {
                let both = (before * *n as f32 + last * *m as f32) / (n + m) as f32;
                let count = n + m;
                pools.truncate(pools.len() - 2);
                pools.push((both, count));
            }
        }
        let settled = pools.iter().flat_map(|(top, count)| std::iter::repeat_n(*top, *count));
        for ((at, top), offset) in self.cells[column].iter().zip(settled).zip(offsets) {
            tops[*at] = top + offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_is_turned_round_and_a_long_way_passes_the_columns_between() {
        let layout = lay_out(&[20.0; 4], &[(0, 1), (1, 2), (2, 1), (2, 3), (0, 3)]);
        let columns: Vec<usize> = layout.spots.iter().map(|spot| spot.column).collect();
        assert_eq!(columns, [0, 1, 2, 3]);
        let back: Vec<bool> = layout.routes.iter().map(|route| route.back).collect();
        assert_eq!(back, [false, false, true, false, false]);
        assert_eq!(layout.routes[4].through.iter().map(|(column, _)| *column).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn nothing_overlaps_however_the_ways_run() {
        let ways: Vec<(usize, usize)> = (0..60).map(|n| (n * 7 % 20, n * 13 % 20)).collect();
        let heights: Vec<f32> = (0..20).map(|n| 20.0 + n as f32).collect();
        let spots = lay_out(&heights, &ways).spots;
        for (n, a) in spots.iter().enumerate() {
            for b in spots[n + 1..].iter().filter(|b| b.column == a.column) {
                let apart = a.top + a.height <= b.top + 0.01 || b.top + b.height <= a.top + 0.01;
                assert!(apart, "{a:?} {b:?}");
            }
        }
    }
}
