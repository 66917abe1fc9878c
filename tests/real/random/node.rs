//! A hooks file as a tree that can be written and made smaller.

#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A scalar as it stands in the file.
    Raw(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn raw(text: impl ToString) -> Node {
        Node::Raw(text.to_string())
    }

    /// Text, quoted as JSON does.
    pub(crate) fn text(text: &str) -> Node {
        Node::Raw(serde_json::to_string(text).unwrap())
    }

    pub(crate) fn map(entries: Vec<(&str, Node)>) -> Node {
        Node::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// As it is written.
    pub(crate) fn written(&self) -> String {
        match self {
            Node::Raw(text) => text.clone(),
            Node::List(items) => format!("[{}]", items.iter().map(Node::written).collect::<Vec<_>>().join(", ")),
            Node::Map(entries) => {
                let pairs = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", serde_json::to_string(key).unwrap(), value.written()));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// What it becomes with one thing left out.
    pub(crate) fn smaller(&self) -> Vec<Node> {
        match self {
            Node::Raw(_) => Vec::new(),
            Node::List(items) => without_one(items, Node::smaller, |_, smaller| smaller).map(Node::List).collect(),
            Node::Map(entries) => {
                without_one(entries, |(_, value)| value.smaller(), |(key, _), smaller| (key.clone(), smaller))
                    .map(Node::Map)
                    .collect()
            }
        }
    }
}

/// The list without each of its items, then with each of its items made smaller.
fn without_one<T: Clone>(
    items: &[T],
    smaller: impl Fn(&T) -> Vec<Node>,
    remake: impl Fn(&T, Node) -> T,
) -> impl Iterator<Item = Vec<T>> {
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        rest.remove(at);
        all.push(rest);
    }
    for (at, item) in items.iter().enumerate() {
        for smaller in smaller(item) {
            let mut rest = items.to_vec();
            rest[at] = remake(item, smaller);
            all.push(rest);
        }
    }
    all.into_iter()
}

#[test]
fn a_tree_is_made_smaller_one_thing_at_a_time() {
    let tree = Node::map(vec![("a", Node::List(vec![Node::raw(1), Node::raw(2)])), ("b", Node::text("x"))]);
    let smaller: Vec<_> = tree.smaller().iter().map(Node::written).collect();
    assert_eq!(smaller, [r#"{"b": "x"}"#, r#"{"a": [1, 2]}"#, r#"{"a": [2], "b": "x"}"#, r#"{"a": [1], "b": "x"}"#]);
}
