//! A template's tree to text.
//!
//! upstream: Go's text/template/exec.go and funcs.go

use std::ops::Range;

use super::function::{Function, built_in};
use super::parse::{Command, Node, Operand, Pipeline, Term, parse};
use super::{Fault, Host, MAX_COPIED, MAX_TEXT, Rendered, Value, print};
use crate::diagnostic::Piece;

/// Executes a template without data. The error is the first mistake, at its place in the text.
pub fn render(text: &str, host: &mut dyn Host) -> Result<Rendered, Fault> {
    let nodes = parse(text)?;
    let variables = vec![("$".to_owned(), Value::Nil)];
    let mut eval = Eval { text, host, variables, copied: 0, rendered: Rendered::default() };
    eval.walk(&nodes, &Value::Nil)?;
    Ok(eval.rendered)
}

struct Eval<'a> {
    text: &'a str,
    host: &'a mut dyn Host,
    variables: Vec<(String, Value)>,
    /// How many bytes of texts were made and copied.
    copied: usize,
    rendered: Rendered,
}

impl Eval<'_> {
    fn walk(&mut self, nodes: &[Node], dot: &Value) -> Result<(), Fault> {
        for node in nodes {
            match node {
                Node::Text(span) => {
                    let text = self.text.get(span.clone()).unwrap_or_default();
                    self.write(text, span.clone(), true)?;
                }
                Node::Action(span, pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variable.is_none() {
                        let text = print::shown(&value);
                        self.rendered.yields.push(text.clone());
                        self.write(&text, span.clone(), false)?;
                    }
                }
                Node::Choice { keeps_dot, pipeline, then, otherwise } => {
                    let known = self.variables.len();
                    let value = self.pipeline(pipeline, dot)?;
                    match (value.truth(), keeps_dot) {
                        (true, true) => self.walk(then, dot)?,
                        (true, false) => self.walk(then, &value)?,
                        (false, _) => self.walk(otherwise, dot)?,
                    }
                    self.variables.truncate(known);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, text: &str, written: Range<usize>, verbatim: bool) -> Result<(), Fault> {
        let start = self.rendered.text.len();
        if start + text.len() > MAX_TEXT {
            return Err(too_long(written));
        }
        if !text.is_empty() {
            self.rendered.text.push_str(text);
            self.rendered.pieces.push(Piece { start, written, verbatim });
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, Fault> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, dot, value)?);
        }
        let value = value.unwrap_or(Value::Nil);
        match &pipeline.variable {
            None => {}
            Some((name, false)) => self.variables.push((name.clone(), value.clone())),
            Some((name, true)) => match self.variables.iter_mut().rfind(|(known, _)| known == name) {
                Some((_, old)) => *old = value.clone(),
                None => {
                    let fault = Fault::new(pipeline.span.clone(), format!("there is no variable {name} here"));
                    return Err(fault.help(format!("the first time write {name} := …")));
                }
            },
        }
        Ok(value)
    }

    /// `last` is what came through the pipe.
    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, Fault> {
        let Command { span, first, arguments } = command;
        let plain = arguments.is_empty() && last.is_none();
        match &first.term {
            Term::Function(function) if !first.fields => self.call(*function, span, arguments, dot, last),
            Term::Nil => Err(Fault::new(first.span.clone(), "nil alone is no command")),
            _ => {
                let value = self.operand(first, dot)?;
                // upstream: a field of nothing takes arguments, too.
                if plain || first.fields {
                    Ok(value)
                } else {
                    Err(Fault::new(span.clone(), "only a function takes arguments"))
                }
            }
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, Fault> {
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil => Value::Nil,
            Term::Literal(value) => value.clone(),
            Term::Variable(name) => {
                let found = self.variables.iter().rfind(|(known, _)| known == name);
                found.map_or(Value::Nil, |(_, value)| value.clone())
            }
            Term::Function(function) => self.call(*function, &operand.span, &[], dot, None)?,
            Term::Pipeline(pipeline) => self.pipeline(pipeline, dot)?,
        };
        if let Value::Text(text) = &value {
            self.copied += text.len();
        }
        if self.copied > MAX_COPIED {
            return Err(too_long(operand.span.clone()));
        }
        match value {
            Value::Nil if operand.fields => Ok(Value::Nil),
            value if operand.fields => Err(Fault::new(operand.span.clone(), format!("{} has no fields", value.kind()))),
            value => Ok(value),
        }
    }

    fn call(
        &mut self,
        function: Function,
        span: &Range<usize>,
        arguments: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, Fault> {
        let given = arguments.len() + usize::from(last.is_some());
        if given < function.least || given > function.most {
            let at_least = if function.least == function.most { "" } else { "at least " };
            let Function { name, least, .. } = function;
            let why = format!("`{name}` takes {at_least}{least} argument(s), and {given} are given");
            return Err(Fault::new(span.clone(), why));
        }
        if matches!(function.name, "and" | "or") {
            let mut value = Value::Nil;
            for argument in arguments {
                value = self.operand(argument, dot)?;
                if value.truth() == (function.name == "or") {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut values = Vec::with_capacity(given);
        for argument in arguments {
            values.push(self.operand(argument, dot)?);
        }
        values.extend(last);
        let yielded = match function.name {
            "getenv" | "cat" | "credential" => self.outside(function, span, &values),
            name => built_in(name, &values),
        };
        match yielded {
            Ok(Value::Text(text)) if text.len() > MAX_TEXT => Err(too_long(span.clone())),
            yielded => yielded.map_err(|why| Fault::new(span.clone(), format!("`{}`: {why}", function.name))),
        }
    }

    fn outside(&mut self, function: Function, span: &Range<usize>, values: &[Value]) -> Result<Value, String> {
        let [Value::Text(name)] = values else { return Err("its argument is a text, in double quotes".to_owned()) };
        let found = match function.name {
            "getenv" => self.host.getenv(name),
            "cat" => self.host.cat(name),
            _ => self.host.credential(name),
        };
        let value = found.unwrap_or_else(|why| {
            let doubt = format!("{why}; it counts as empty here");
            self.rendered.doubts.push(Fault::new(span.clone(), doubt));
            String::new()
        });
        self.rendered.yields.push(value.clone());
        Ok(Value::Text(value))
    }
}

fn too_long(span: Range<usize>) -> Fault {
    Fault::new(span, format!("the template yields more than {} MiB", MAX_TEXT >> 20))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct World;

    impl Host for World {
        fn getenv(&mut self, name: &str) -> Result<String, String> {
            let found = match name {
                "S" => "a\"b'c<d>&\\=\u{1}é\u{a0}",
                "N" => "5",
                _ => "",
            };
            Ok(found.to_owned())
        }

        fn cat(&mut self, path: &str) -> Result<String, String> {
            if path == "/f" { Ok("text".to_owned()) } else { Err(format!("can't read {path}")) }
        }

        fn credential(&mut self, name: &str) -> Result<String, String> {
            Ok(format!("the {name}"))
        }
    }

    fn yielded(template: &str) -> String {
        render(template, &mut World)
            .map_or_else(|fault| format!("{} {}", fault.span.start, fault.message), |it| it.text)
    }

    /// Debian's webhook yields the same, but for `cat` and `credential`, which it does not have.
    #[test]
    fn templates_yield_what_the_peer_yields() {
        for (template, text) in [
            (r#"{{ getenv "S" | js }}"#, r#"a\"b\'c\u003Cd\u003E\u0026\\\u003D\u0001é\u00A0"#),
            (r#"{{ getenv "S" | urlquery }}"#, "a%22b%27c%3Cd%3E%26%5C%3D%01%C3%A9%C2%A0"),
            (r#"{{ html "<a href='x'>\"&" 5 }}"#, "&lt;a href=&#39;x&#39;&gt;&#34;&amp;5"),
            (r#"{{ cat "/f" }} {{ credential "x" | js }}"#, "text the x"),
            ("{{ . }} {{ .x.y }} {{ print . nil }} {{ $ }}", "<no value> <no value> <nil> <nil> <no value>"),
            (r#"{{ "x" | }}{{$x := 1}}{{$x = 2}}{{$x}}{{$y:=1}}{{$y}}"#, "x21"),
            (
                "{{ 1e3 }} {{ 1.0 }} {{ 0x10 }} {{ 'a' }} {{ 1_000 }} {{ 010 }} {{1000000.0}} {{ 1.5e-7 }}",
                "1000 1 16 97 1000 8 1e+06 1.5e-07",
            ),
            (r#"{{ print "a" 1 2 "b" 3 true }} {{ println 1 "a" }}{{ print -5 +3 }}"#, "a1 2b3 true 1 a\n-5 3"),
            (
                r#"{{ eq 1 2 1 }} {{ ne 1 2 }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt "b" "a" }} {{ ge 1 2 }}"#,
                "true true true true true false",
            ),
            (r#"{{ eq nil . }} {{ eq "a" nil }}"#, "true false"),
            (
                r#"{{ and 1 0 2 }} {{ or 0 "" "x" }} {{ not 0 }} {{ and . "x" }} {{ or nil "y" }} {{ 0 | or 5 }} {{ 0 | and 5 }}"#,
                "0 x true <no value> y 5 0",
            ),
            (r#"{{ and 0 (printf 5) }}{{ len "é" }}{{ js . }}{{ js "a" 5 6 }}"#, r"02\u003Cno value\u003Ea5 6"),
            (
                r#"{{ if getenv "N" }}y{{ else if getenv "E" }}z{{ else }}n{{ end }}{{ if .a }}y{{ else if 0 }}z{{ else }}n{{ end }}"#,
                "yn",
            ),
            (
                r#"{{ with getenv "N" }}[{{ . }}]{{ else }}n{{ end }} {{ with getenv "E" }}a{{ else }}b{{ end }}"#,
                "[5] b",
            ),
            (
                r#"{{ with $v := "s" }}{{ $v }}{{ $ }}{{ end }}{{ .x "a" }}{{ ((getenv "N")) }}"#,
                "s<no value><no value>5",
            ),
            ("a   {{- \"b\" -}}   c {{- /* x */ -}} d{{/* y\n */}}\n{{-3}}", "abcd\n-3"),
            (
                r#"{{ if eq (getenv "N") "5" -}} yes {{- end }}!{{ `raw "x"` }}{{ "\x41\u0416\101" }}"#,
                r#"yes!raw "x"AЖA"#,
            ),
            (r#"{{ getenv "N" | printf "%s-%s" "a" }} {{ "a" | print "b" | print "c" }}"#, "a-5 cba"),
        ] {
            assert_eq!(yielded(template), text, "{template}");
        }
    }

    #[test]
    fn depth_and_length_have_bounds() {
        let deep = format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(yielded(&deep).contains("nested deeper"));
        assert!(yielded(&"{{ if 1 }}".repeat(10_000)).contains("nested deeper"));
        let start = "{{ $x := \"0123456789\" }}";
        for bomb in [
            format!("{start}{}", "{{ $x = print $x $x }}".repeat(60)),
            format!("{start}{}{}", "{{ $x = print $x $x }}".repeat(22), "{{ $y := $x }}".repeat(60)),
            format!("{start}{}{}", "{{ $x = print $x $x }}".repeat(22), "{{ if eq $x $x }}{{ end }}".repeat(60)),
            format!("{{{{ printf `{}`{} }}}}", "%10000d".repeat(7000), " 1".repeat(7000)),
        ] {
            let found = yielded(&bomb);
            assert!(["too long", "more than", "too much"].iter().any(|words| found.contains(words)), "{:.99}", found);
        }
    }

    proptest! {
        #[test]
        fn any_template_ends(
            template in r#"(\{\{-? ?|-?\}\}|[()|$.:=, "'`\\/*0-9a-z\n]|if |else |end|with |printf "%5.2d%s"|getenv "S"|\PC){0,40}"#
        ) {
            drop(render(&template, &mut World));
        }
    }
}
