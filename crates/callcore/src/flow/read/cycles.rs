//! Which scenes can be reached from each other.

/// A number per node: nodes that can be reached from each other have the same. Walks every edge twice, so
/// that even the largest file is done at once.
pub(crate) fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (from, tos) in edges.iter().enumerate() {
        for to in tos {
            back[*to].push(from);
        }
    }
    let mut component = vec![usize::MAX; edges.len()];
    for root in finished(edges).into_iter().rev() {
        let mut todo = vec![root];
        while let Some(at) = todo.pop() {
            if component[at] == usize::MAX {
                component[at] = root;
                todo.extend(&back[at]);
            }
        }
    }
    component
}

/// The nodes in the order in which a walk in depth leaves them for good.
fn finished(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; edges.len()];
    let mut order = Vec::with_capacity(edges.len());
    for root in 0..edges.len() {
        let mut path = vec![(root, 0)];
        while let Some((at, next)) = path.pop() {
            if next == 0 && std::mem::replace(&mut seen[at], true) {
                continue;
            }
            match edges[at].get(next) {
                Some(to) => path.extend([(at, next + 1), (*to, 0)]),
                None => order.push(at),
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_in_a_cycle_belong_together_and_others_stand_alone() {
        // 0 → 1 → 2 → 1, 2 → 3, 4 → 4
        let found = components(&[vec![1], vec![2], vec![1, 3], vec![], vec![4]]);
        assert_eq!(found[1], found[2]);
        for (one, other) in [(0, 1), (1, 3), (0, 3), (0, 4), (3, 4)] {
            assert_ne!(found[one], found[other], "{one} {other}");
        }
        let long: Vec<Vec<usize>> = (0..20_000).map(|n| vec![(n + 1) % 20_000]).collect();
        assert!(components(&long).windows(2).all(|two| two[0] == two[1]));
    }
}
