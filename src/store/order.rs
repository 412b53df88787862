//! The orders of lists: by what a row is sorted by and then by its id, from a place on.
//!
//! Not here: which orders a list has, which stands with its query. Invariant: rows that come, go or move meanwhile neither repeat nor hide another.

crate::words! {
    /// The order of what is listed as it came.
    pub enum CreationSort {
        /// The oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
    }
}

/// Whether the highest comes first in the order of this name.
pub fn is_down(name: &str) -> bool {
    name.starts_with('-')
}

/// Where a page begins: after the row of an id, and after what that row was sorted by, where it was by something else.
pub type After<Id, Key> = Option<(Id, Option<Key>)>;

/// Puts a boxed query in the order of a key and then of ids, or of ids alone, from the lowest or, `down`, from the highest; and begins after a place.
macro_rules! in_order {
    ($query:expr, $id:expr, $down:expr, $after:expr) => {{
        let (query, down) = ($query, $down);
        let query = match $after {
            Some((id, _)) if down => query.filter($id.lt(id)),
            Some((id, _)) => query.filter($id.gt(id)),
            None => query,
        };
        if down { query.order($id.desc()) } else { query.order($id.asc()) }
    }};
    ($query:expr, $key:expr, $id:expr, $down:expr, $after:expr) => {{
        let (query, down) = ($query, $down);
        // The bound alone says where to begin in the index; what it lets in of its key is left out by the id.
        let query = match $after {
            Some((id, Some(key))) if down => query.filter($key.le(key.clone())).filter($key.lt(key).or($id.lt(id))),
            Some((id, Some(key))) => query.filter($key.ge(key.clone())).filter($key.gt(key).or($id.gt(id))),
            _ => query,
        };
        if down { query.order(($key.desc(), $id.desc())) } else { query.order(($key.asc(), $id.asc())) }
    }};
}
pub(super) use in_order;
