//! The Merkle tree of RFC 6962 (now RFC 9162, section 2.1), kept as its perfect subtrees.
//!
//! A perfect subtree, once complete, never changes: a store that keeps `(level, index) → hash` writes each node once,
//! appends in O(new leaves), and proves in O(log size) reads. Not here: what a leaf says, who signs a root.
//! The two `verify_` functions share no code with the functions that make proofs; they follow the RFC's text line by line.

use crate::domain::crypto::{Hash, sha256};

/// The digest of a leaf: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[&[0x00], data])
}

/// The digest of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[0x01], left, right])
}

/// The root of a perfect subtree: the `index`-th run of 2^`level` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// 0 for a leaf.
    pub level: u32,
    /// Which of its level, from 0 on the left.
    pub index: u64,
    /// Its digest.
    pub hash: Hash,
}

/// The right edge of a tree: all that appending needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    size: u64,
    /// Roots of the perfect subtrees, widest first: one for each bit set in `size`.
    peaks: Vec<Hash>,
}

impl Tree {
    /// The stored tree of `size` leaves; `read` gives the hash of the node at (level, index).
    ///
    /// # Errors
    /// Those of `read`.
    pub fn load<E>(size: u64, mut read: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        let levels = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
        let peaks = levels.map(|level| read(level, (size >> level) - 1)).collect::<Result<_, E>>()?;
        Ok(Self { size, peaks })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root: MTH of RFC 9162, section 2.1.1. That of no leaves is SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        match peaks.next() {
            Some(last) => peaks.fold(last, |right, left| node_hash(&left, &right)),
            None => sha256(&[]),
        }
    }

    /// Adds one leaf; `keep` receives each node that this completes, the leaf first.
    pub fn push(&mut self, leaf: Hash, mut keep: impl FnMut(Node)) {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        keep(node);
        while node.index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            node = Node { level: node.level + 1, index: node.index >> 1, hash: node_hash(&left, &node.hash) };
            keep(node);
        }
        self.peaks.push(node.hash);
        self.size += 1;
    }

    /// Adds leaves in their order; returns the nodes to store.
    pub fn append(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<Node> {
        let mut nodes = Vec::new();
        for leaf in leaves {
            self.push(leaf, |node| nodes.push(node));
        }
        nodes
    }
}

/// The largest power of two below `count`, which is at least 2: where the RFC splits a tree.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The root over the leaves `start..end`, a subtree as the RFC cuts them.
fn subtree<E>(start: u64, end: u64, read: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let count = end - start;
    if count.is_power_of_two() {
        let level = count.ilog2();
        return read(level, start >> level);
    }
    let middle = start + split(count);
    Ok(node_hash(&subtree(start, middle, read)?, &subtree(middle, end, read)?))
}

/// The proof that leaf `index` is in the tree of the first `size` leaves (PATH of RFC 9162, section 2.1.3.1), from the leaf up.
/// `None` if there is no such leaf.
///
/// # Errors
/// Those of `read`, which gives the hash of the node at (level, index).
pub fn inclusion_proof<E>(index: u64, size: u64, mut read: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Option<Vec<Hash>>, E> {
    if index >= size {
        return Ok(None);
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(subtree(middle, end, &mut read)?);
            end = middle;
        } else {
            path.push(subtree(start, middle, &mut read)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves (PROOF of RFC 9162, section 2.1.4.1).
/// `None` if `old` is the larger. Empty where nothing needs proving: for equal sizes, and from the empty tree.
///
/// # Errors
/// Those of `read`, which gives the hash of the node at (level, index).
pub fn consistency_proof<E>(old: u64, new: u64, mut read: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Option<Vec<Hash>>, E> {
    if old > new {
        return Ok(None);
    }
    let (mut start, mut end, mut path) = (0, new, Vec::new());
    while old != 0 && old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(subtree(middle, end, &mut read)?);
            end = middle;
        } else {
            path.push(subtree(start, middle, &mut read)?);
            start = middle;
        }
    }
    if old != 0 && start != 0 {
        path.push(subtree(start, end, &mut read)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Checks a proof of inclusion by RFC 9162, section 2.1.3.2.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut first, mut last, mut computed) = (index, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if first & 1 == 1 || first == last {
            computed = node_hash(step, &computed);
            while first & 1 == 0 && first != 0 {
                first >>= 1;
                last >>= 1;
            }
        } else {
            computed = node_hash(&computed, step);
        }
        first >>= 1;
        last >>= 1;
    }
    last == 0 && computed == *root
}

/// Checks a proof of consistency by RFC 9162, section 2.1.4.2; equal sizes and an empty beginning, which the RFC leaves out,
/// take an empty proof.
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    if old > new {
        return false;
    }
    if old == new || old == 0 {
        return path.is_empty() && (old != new || old_root == new_root) && (old != 0 || *old_root == sha256(&[]));
    }
    let mut steps = old.is_power_of_two().then_some(old_root).into_iter().chain(path);
    let Some(seed) = steps.next() else { return false };
    let (mut first, mut last) = (old - 1, new - 1);
    while first & 1 == 1 {
        first >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (*seed, *seed);
    for step in steps {
        if last == 0 {
            return false;
        }
        if first & 1 == 1 || first == last {
            before = node_hash(step, &before);
            after = node_hash(step, &after);
            while first & 1 == 0 && first != 0 {
                first >>= 1;
                last >>= 1;
            }
        } else {
            after = node_hash(&after, step);
        }
        first >>= 1;
        last >>= 1;
    }
    last == 0 && before == *old_root && after == *new_root
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, convert::Infallible};

    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    type Store = HashMap<(u32, u64), Hash>;

    fn reader(store: &Store) -> impl FnMut(u32, u64) -> Result<Hash, Infallible> {
        |level, index| Ok(store[&(level, index)])
    }

    fn grow(tree: &mut Tree, store: &mut Store, leaves: &[Hash]) {
        for node in tree.append(leaves.iter().copied()) {
            assert_eq!(store.insert((node.level, node.index), node.hash), None, "a node is written once");
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    /// MTH as the RFC defines it.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [one] => *one,
            many => {
                let k = many.len().next_power_of_two() / 2;
                node_hash(&naive_root(&many[..k]), &naive_root(&many[k..]))
            }
        }
    }

    /// PATH as the RFC defines it.
    fn naive_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return vec![];
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (mut path, sibling) = if m < k {
            (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
        } else {
            (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
        };
        path.push(sibling);
        path
    }

    /// SUBPROOF as the RFC defines it.
    fn naive_subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if whole { vec![] } else { vec![naive_root(leaves)] };
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (mut path, sibling) = if m <= k {
            (naive_subproof(m, &leaves[..k], whole), naive_root(&leaves[k..]))
        } else {
            (naive_subproof(m - k, &leaves[k..], false), naive_root(&leaves[..k]))
        };
        path.push(sibling);
        path
    }

    fn hex(text: &str) -> Hash {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// The eight leaves, and their roots, of Certificate Transparency's own reference tests.
    #[test]
    fn the_reference_vectors_hold() {
        let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let (mut tree, mut store) = (Tree::default(), Store::new());
        assert_eq!(tree.root(), hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        for (input, root) in inputs.iter().zip(roots) {
            grow(&mut tree, &mut store, &[leaf_hash(&HEXLOWER.decode(input.as_bytes()).unwrap())]);
            assert_eq!(tree.root(), hex(root));
        }
        let inclusion = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(inclusion_proof(5, 8, reader(&store)), Ok(Some(inclusion.map(hex).to_vec())));
        let consistency = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(consistency_proof(6, 8, reader(&store)), Ok(Some(consistency.map(hex).to_vec())));
    }

    #[test]
    fn every_size_agrees_with_the_definition() {
        let all = leaves(200);
        let (mut tree, mut store) = (Tree::default(), Store::new());
        for size in 1..=200u64 {
            let count = usize::try_from(size).unwrap();
            grow(&mut tree, &mut store, &all[count - 1..count]);
            let root = tree.root();
            assert_eq!(root, naive_root(&all[..count]));
            assert_eq!(Tree::load(size, reader(&store)), Ok(tree.clone()));
            for (index, leaf) in (0u64..).zip(&all[..count]) {
                let path = inclusion_proof(index, size, reader(&store)).unwrap().unwrap();
                assert_eq!(path, naive_path(usize::try_from(index).unwrap(), &all[..count]));
                assert!(verify_inclusion(leaf, index, size, &path, &root));
            }
            for old in 1..=size {
                let before = usize::try_from(old).unwrap();
                let path = consistency_proof(old, size, reader(&store)).unwrap().unwrap();
                assert_eq!(path, naive_subproof(before, &all[..count], true));
                assert!(verify_consistency(old, &naive_root(&all[..before]), size, &root, &path));
            }
        }
    }

    #[test]
    fn the_edges_are_refused_or_empty() {
        let (mut tree, mut store) = (Tree::default(), Store::new());
        let empty = tree.root();
        grow(&mut tree, &mut store, &leaves(3));
        assert_eq!(inclusion_proof(3, 3, reader(&store)), Ok(None));
        assert_eq!(consistency_proof(4, 3, reader(&store)), Ok(None));
        assert_eq!(consistency_proof(0, 3, reader(&store)), Ok(Some(vec![])));
        assert!(verify_consistency(0, &empty, 3, &tree.root(), &[]));
        assert!(!verify_consistency(0, &[1; 32], 3, &tree.root(), &[]));
        assert!(!verify_consistency(3, &empty, 3, &tree.root(), &[]));
        assert!(!verify_consistency(3, &tree.root(), 2, &tree.root(), &[]));
        assert!(!verify_consistency(2, &tree.root(), 3, &tree.root(), &[]));
        assert!(!verify_inclusion(&empty, 0, 0, &[], &empty));
    }

    fn flipped(path: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
        (0..path.len() * 256).map(|bit| {
            let mut other = path.to_vec();
            other[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            other
        })
    }

    fn resized(path: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
        let shorter = (0..path.len()).map(|gone| [&path[..gone], &path[gone + 1..]].concat());
        shorter.chain([[path, &[[0; 32]]].concat(), [&[[0; 32]], path].concat()])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_changed_proof_of_inclusion_fails(size in 1u64..=200, pick in any::<u64>()) {
            let (all, index) = (leaves(size), pick % size);
            let (mut tree, mut store) = (Tree::default(), Store::new());
            grow(&mut tree, &mut store, &all);
            let (root, leaf) = (tree.root(), all[usize::try_from(index).unwrap()]);
            let path = inclusion_proof(index, size, reader(&store)).unwrap().unwrap();
            for wrong in flipped(&path).chain(resized(&path)) {
                prop_assert!(!verify_inclusion(&leaf, index, size, &wrong, &root));
            }
            prop_assert!((0..size).all(|other| other == index || !verify_inclusion(&leaf, other, size, &path, &root)));
            prop_assert!(flipped(&[leaf]).all(|wrong| !verify_inclusion(&wrong[0], index, size, &path, &root)));
            prop_assert!(flipped(&[root]).all(|wrong| !verify_inclusion(&leaf, index, size, &path, &wrong[0])));
        }

        #[test]
        fn a_changed_proof_of_consistency_fails(size in 1u64..=200, pick in any::<u64>()) {
            let (all, old) = (leaves(size), 1 + pick % size);
            let (mut tree, mut store) = (Tree::default(), Store::new());
            grow(&mut tree, &mut store, &all[..usize::try_from(old).unwrap()]);
            let before = tree.root();
            grow(&mut tree, &mut store, &all[usize::try_from(old).unwrap()..]);
            let after = tree.root();
            let path = consistency_proof(old, size, reader(&store)).unwrap().unwrap();
            for wrong in flipped(&path).chain(resized(&path)) {
                prop_assert!(!verify_consistency(old, &before, size, &after, &wrong));
            }
            prop_assert!(flipped(&[before]).all(|wrong| !verify_consistency(old, &wrong[0], size, &after, &path)));
            prop_assert!(flipped(&[after]).all(|wrong| !verify_consistency(old, &before, size, &wrong[0], &path)));
        }
    }
}
