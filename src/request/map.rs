//! The pairs of an object.

use super::small::Text;

/// The pairs of an object in the order in which Go's encoding/json writes them: by the bytes of their keys, each of which is
/// there once.
///
/// They lie side by side. A tree takes 600 bytes for an object of one pair, and a body may be full of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map<V>(Box<[(Text, V)]>);

impl<V> Default for Map<V> {
    fn default() -> Map<V> {
        Map(Box::default())
    }
}

impl<V> Map<V> {
    /// The last value of each key.
    pub fn last_of_each(pairs: Vec<(Text, V)>) -> Map<V> {
        Map::one_of_each(pairs, std::mem::swap)
    }

    /// The first value of each key.
    pub fn first_of_each(pairs: Vec<(Text, V)>) -> Map<V> {
        Map::one_of_each(pairs, |_, _| ())
    }

    /// Of two values of a key the second is kept, once `choose` has seen both: the later one, then the earlier one.
    fn one_of_each(mut pairs: Vec<(Text, V)>, choose: impl Fn(&mut V, &mut V)) -> Map<V> {
        // It keeps the order of equal ones.
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        pairs.dedup_by(|(later, later_value), (earlier, earlier_value)| {
            let is_same = later == earlier;
            if is_same {
                choose(later_value, earlier_value);
            }
            is_same
        });
        Map(pairs.into())
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.0.get(self.find(key)?).map(|(_, value)| value)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        let at = self.find(key)?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Takes out all pairs but those that are wanted.
    pub fn retain(&mut self, is_wanted: impl Fn(&[u8]) -> bool) {
        let pairs = std::mem::take(&mut self.0).into_iter();
        self.0 = pairs.filter(|(key, _)| is_wanted(key)).collect();
    }

    /// The same keys with other values.
    pub fn mapped(&self, other: impl Fn(&[u8], &V) -> V) -> Map<V> {
        Map(self.0.iter().map(|(key, value)| (key.clone(), other(key, value))).collect())
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &V)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// The values, in the order of their keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        self.0.binary_search_by(|(own, _)| (**own).cmp(key)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn it_is_what_a_tree_is(pairs in prop::collection::vec(("[ab.]{0,2}", any::<bool>()), 0..12)) {
            let pairs: Vec<_> = pairs.into_iter().map(|(key, yes)| (key.into_bytes().into(), yes)).collect();
            let shown = |map: &Map<bool>| map.iter().map(|(key, value)| (Text::from(key), *value)).collect::<Vec<_>>();
            let last: BTreeMap<Text, bool> = pairs.iter().cloned().collect();
            let first: BTreeMap<Text, bool> = pairs.iter().rev().cloned().collect();
            let mut map = Map::last_of_each(pairs.clone());
            prop_assert_eq!(shown(&map), last.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(shown(&Map::first_of_each(pairs)), first.into_iter().collect::<Vec<_>>());
            for key in [&b""[..], b"a", b"b", b"aa", b"ab", b".", b"z"] {
                let expected = last.get(&Text::from(key));
                prop_assert_eq!(map.get(key), expected);
                prop_assert_eq!(map.get_mut(key).map(|value| &*value), expected);
            }
            map.retain(|key| key != b"a");
            prop_assert_eq!(map.iter().len(), last.len() - usize::from(last.contains_key(&Text::from(b"a"))));
        }
    }
}
