//! Mails reach servers, and where they don't, the class says how far they came.

use std::sync::Arc;
use std::time::Duration;

use hookbell::clock::Timestamp;
use hookbell::dispatch::transport::{Carrier, Proxies};
use hookbell::message::Priority;
use hookbell::message::delivery::{Class, SendError};
use hookbell::provider::mail::{Login, Mail, Mailbox, Server as Account, Stage, Tls};
use hookbell::provider::{Answer, Request, Transport};
use hookbell::secret::Secret;

use server::{Encrypts, Say, Server};

mod picture;
mod server;
mod thread;
mod wire;

const SECRET: &str = "s3cret";

/// How an account would have this server.
fn account(server: &Server, tls: Tls) -> Account {
    Account {
        host: "localhost".to_owned(),
        port: server.address.port(),
        tls,
        login: None,
        plain_login: false,
        hello: Some("db1.example.org".to_owned()),
    }
}

fn with_login(account: Account) -> Account {
    Account { login: Some(Login { username: "u".to_owned(), password: Secret::new(SECRET) }), ..account }
}

fn mail(account: &Arc<Account>, text: &str) -> Mail {
    Mail {
        server: Arc::clone(account),
        from: Mailbox { name: None, address: "alarm@example.org".to_owned() },
        reply_to: None,
        to: "ivan@example.org".to_owned(),
        subject: "disk".to_owned(),
        text: text.to_owned(),
        attachment: None,
        message_id: "01J-7@example.org".to_owned(),
        thread: None,
        date: Timestamp::from_millis(1_795_216_500_123),
        priority: Priority::Normal,
    }
}

fn transport(server: &Server) -> Transport {
    Transport { timeout: Duration::from_secs(5), proxy: None, extra_ca: Some(Arc::clone(&server.ca)) }
}

fn carrier(transport: &Transport) -> Carrier {
    Carrier::through(transport, &Proxies::default()).unwrap()
}

async fn sent(carrier: &Carrier, mail: Mail) -> Result<Answer, SendError> {
    let outcome = carrier.carry(Request::Mail(mail)).await;
    if let Err(error) = &outcome {
        assert!(!error.detail.contains(SECRET), "{}", error.detail);
    }
    outcome
}

/// One mail to this account.
async fn one(server: &Server, account: Account) -> Result<Answer, SendError> {
    sent(&carrier(&transport(server)), mail(&Arc::new(account), "disk full")).await
}

#[track_caller]
fn took(answer: Result<Answer, SendError>) {
    assert!(matches!(answer, Ok(Answer::Mail { stage: Stage::Content, code: 250, .. })), "{answer:?}");
}

#[track_caller]
fn failed(answer: Result<Answer, SendError>, class: Class, words: &str) {
    let error = answer.unwrap_err();
    assert!(error.class == class && error.detail.contains(words), "{error:?} instead of {class:?} with {words:?}");
}

#[tokio::test]
async fn a_session_says_what_it_must_and_no_more() {
    let server = Server::plain().await;
    took(one(&server, account(&server, Tls::None)).await);
    let size = server.mails()[0].len() - ".\r\n".len();
    let lines = [
        "EHLO db1.example.org",
        &format!("MAIL FROM:<alarm@example.org> SIZE={size}"),
        "RCPT TO:<ivan@example.org>",
        "DATA",
    ];
    assert_eq!(server.heard(0)[..4], lines);
}

#[tokio::test]
async fn a_connection_is_used_again_until_it_rests_too_long() {
    let server = Server::plain().await;
    let (account, carrier) = (Arc::new(account(&server, Tls::None)), carrier(&transport(&server)));
    for text in ["1", "2", "3"] {
        took(sent(&carrier, mail(&account, text)).await);
    }
    assert_eq!((server.count("EHLO"), server.count("RSET"), server.count("QUIT")), (1, 2, 0));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    wait_until(|| server.count("QUIT") == 1).await;
    took(sent(&carrier, mail(&account, "4")).await);
    assert_eq!(server.count("EHLO"), 2);
}

#[tokio::test]
async fn after_fifty_mails_a_connection_is_left() {
    let server = Server::plain().await;
    let (account, carrier) = (Arc::new(account(&server, Tls::None)), carrier(&transport(&server)));
    for _ in 0..51 {
        took(sent(&carrier, mail(&account, "1")).await);
    }
    assert_eq!((server.heard(0).last().unwrap().as_str(), server.count("EHLO")), ("QUIT", 2));
}

#[tokio::test]
async fn no_more_than_four_connections_stand_at_once() {
    let server = Server::plain().await;
    let (account, carrier) = (Arc::new(account(&server, Tls::None)), carrier(&transport(&server)));
    let mails = (0..12).map(|number| sent(&carrier, mail(&account, &number.to_string())));
    let mut answers: Vec<_> = mails.map(Box::pin).collect();
    // All at once, on one task.
    std::future::poll_fn(|context| {
        answers.retain_mut(|answer| match answer.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                took(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if answers.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!((server.mails().len(), server.most_open()), (12, 4));
}

#[tokio::test]
async fn a_connection_that_died_at_rest_costs_nothing() {
    // Without a word, and with one.
    for end in [Say::Close, Say::Line("421 4.4.2 idle for too long")] {
        let script = move |number, line: &str| match line {
            "RSET" if number == 0 => end.clone(),
            _ => Say::Usual,
        };
        let server = Server::open(Encrypts::Never, script).await;
        let (account, carrier) = (Arc::new(account(&server, Tls::None)), carrier(&transport(&server)));
        took(sent(&carrier, mail(&account, "1")).await);
        took(sent(&carrier, mail(&account, "2")).await);
        assert_eq!((server.mails().len(), server.count("EHLO")), (2, 2));
    }
}

#[tokio::test]
async fn before_the_last_dot_nothing_was_sent_and_after_it_nobody_knows() {
    for (at, class, words) in [
        ("<greeting>", Class::Network, "at greeting: "),
        ("EHLO db1.example.org", Class::Network, "at EHLO: "),
        ("MAIL FROM", Class::Network, "at MAIL FROM: "),
        ("RCPT TO", Class::Fault, "at RCPT TO: "),
        ("DATA", Class::Fault, "at DATA: "),
        ("<mail>", Class::Unknown, " got the mail, but no answer came: "),
    ] {
        for (end, code) in [(Say::Close, "lost"), (Say::Hang, "timeout")] {
            let timeout = Duration::from_secs(if matches!(end, Say::Hang) { 2 } else { 20 });
            let script = move |_, line: &str| if line.starts_with(at) { end.clone() } else { Say::Usual };
            let server = Server::open(Encrypts::Never, script).await;
            let mail = mail(&Arc::new(account(&server, Tls::None)), "disk full");
            let error = sent(&carrier(&Transport { timeout, ..transport(&server) }), mail).await.unwrap_err();
            assert_eq!((error.class, error.code.as_str()), (class, code), "{at}: {error:?}");
            assert!(error.detail.contains(words), "{at}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_tells_at_which_step_and_the_next_mail_is_another_matter() {
    for (at, reply, stage, code) in [
        ("<greeting>", "554 5.7.1 go away", Stage::Greeting, 554),
        ("EHLO", "550 who are you", Stage::Hello, 550),
        ("MAIL", "451-4.7.1 not\r\n451 4.7.1 now", Stage::Sender, 451),
        ("RCPT", "550 5.1.1 nobody", Stage::Recipient, 550),
        ("DATA", "554 5.5.1 no", Stage::Data, 554),
        ("<mail>", "554 5.7.1 spam", Stage::Content, 554),
    ] {
        let script = move |number, line: &str| match line.starts_with(at) && number == 0 {
            true => Say::Line(reply),
            false => Say::Usual,
        };
        let server = Server::open(Encrypts::Never, script).await;
        let (account, carrier) = (Arc::new(account(&server, Tls::None)), carrier(&transport(&server)));
        let answer = sent(&carrier, mail(&account, "1")).await.unwrap();
        let Answer::Mail { stage: found, code: told, text } = answer else { panic!("{answer:?}") };
        assert_eq!((found, told), (stage, code), "{at}");
        assert!(!text.is_empty() && !text.contains(['\r', '\n']), "{text:?}");
        took(sent(&carrier, mail(&account, "2")).await);
    }
}

#[tokio::test]
async fn what_is_no_mail_server_is_told_from_one_that_is_not_there() {
    let server = Server::open(Encrypts::Never, |_, _| Say::Line("SSH-2.0-OpenSSH_9.2p1")).await;
    failed(one(&server, account(&server, Tls::None)).await, Class::Account, "at greeting: it does not speak SMTP");
    let gone = Account { port: 1, ..account(&server, Tls::None) };
    let answer = one(&server, gone).await;
    failed(answer, Class::Network, "can't reach localhost:1: ");
    let nowhere = Account { host: "nowhere.invalid".to_owned(), ..account(&server, Tls::None) };
    failed(one(&server, nowhere).await, Class::Network, "blocked? set \"proxy\"");
}

#[tokio::test]
async fn a_probe_logs_in_and_sends_nothing() {
    let server = Server::open(Encrypts::ByStartTls, |_, _| Say::Usual).await;
    let account = Arc::new(with_login(account(&server, Tls::StartTls)));
    let answer = carrier(&transport(&server)).carry(Request::Login(Arc::clone(&account))).await;
    assert!(matches!(answer, Ok(Answer::Mail { code: 250, .. })), "{answer:?}");
    let heard = server.heard(0);
    let words: Vec<_> = heard.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(words, ["EHLO", "STARTTLS", "EHLO", "AUTH", "NOOP", "QUIT"]);

    let refusing = Server::open(Encrypts::AtOnce, |_, line| match line.starts_with("AUTH") {
        true => Say::Line("535 5.7.8 no"),
        false => Say::Usual,
    });
    let refusing = refusing.await;
    let account = Arc::new(with_login(self::account(&refusing, Tls::Implicit)));
    let answer = carrier(&transport(&refusing)).carry(Request::Login(Arc::clone(&account))).await;
    assert!(matches!(answer, Ok(Answer::Mail { stage: Stage::Login, code: 535, .. })), "{answer:?}");
}

/// Waits until it is so.
async fn wait_until(is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), looking).await.expect("it never came about");
}
