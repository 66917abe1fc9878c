//! What is on the wire: encryption, passwords, and the mail as it is written down.

use hookbell::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::*;

#[tokio::test]
async fn nothing_is_said_before_the_connection_is_encrypted() {
    for (encrypts, tls) in [(Encrypts::ByStartTls, Tls::StartTls), (Encrypts::AtOnce, Tls::Implicit)] {
        let server = Server::open(encrypts, |_, _| Say::Usual).await;
        took(one(&server, with_login(account(&server, tls))).await);
        let before: Vec<_> = server.heard(0).into_iter().take_while(|line| line != "STARTTLS").collect();
        let plain = if tls == Tls::StartTls { vec!["EHLO db1.example.org".to_owned()] } else { server.heard(0) };
        assert_eq!(before, plain, "{tls:?}");
        assert_eq!(server.count("AUTH PLAIN AHUAczNjcmV0"), 1, "{tls:?}");
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_unless_the_account_allows_it() {
    let server = Server::plain().await;
    let strict = with_login(account(&server, Tls::StartTls));
    failed(one(&server, strict).await, Class::Account, "offers no STARTTLS, and nothing is sent unencrypted");
    assert_eq!((server.count("AUTH"), server.count("MAIL")), (0, 0));
    took(one(&server, account(&server, Tls::Opportunistic)).await);
    let encrypting = Server::open(Encrypts::ByStartTls, |_, _| Say::Usual).await;
    took(one(&encrypting, account(&encrypting, Tls::Opportunistic)).await);
    assert_eq!(encrypting.count("STARTTLS"), 1);
    took(one(&encrypting, account(&encrypting, Tls::None)).await);
    assert_eq!(encrypting.count("STARTTLS"), 1);
}

#[tokio::test]
async fn a_password_goes_unencrypted_to_this_host_or_where_that_is_allowed() {
    let server = Server::plain().await;
    // Another name for this host, which nobody takes for it.
    let far = |allowed| Account {
        host: "127.1".to_owned(),
        plain_login: allowed,
        ..with_login(account(&server, Tls::Opportunistic))
    };
    failed(one(&server, far(false)).await, Class::Account, "the password is not sent unencrypted");
    assert_eq!(server.count("AUTH"), 0);
    took(one(&server, far(true)).await);
    took(one(&server, with_login(account(&server, Tls::None))).await);
    assert_eq!(server.count("AUTH PLAIN"), 2);
}

#[tokio::test]
async fn a_certificate_must_be_good_and_the_words_say_what_to_do() {
    for (encrypts, tls) in [(Encrypts::ByStartTls, Tls::StartTls), (Encrypts::AtOnce, Tls::Implicit)] {
        let server = Server::open(encrypts, |_, _| Say::Usual).await;
        let account = Arc::new(account(&server, tls));
        let distrustful = carrier(&Transport { extra_ca: None, ..transport(&server) });
        let answer = sent(&distrustful, mail(&account, "1")).await;
        failed(answer, Class::Account, "UnknownIssuer (an authority of your own? set \"ca-file\")");
        let other = Arc::new(Account { host: "127.0.0.1".to_owned(), ..self::account(&server, tls) });
        failed(sent(&carrier(&transport(&server)), mail(&other, "1")).await, Class::Account, "TLS: ");
        assert_eq!(server.count("MAIL"), 0);
    }
    let plain = Server::plain().await;
    failed(one(&plain, account(&plain, Tls::Implicit)).await, Class::Account, "(does this port speak TLS at all?)");
}

#[tokio::test]
async fn what_was_said_in_clear_behind_starttls_is_not_believed() {
    let server = Server::open(Encrypts::ByStartTls, |_, line| match line {
        "STARTTLS" => Say::Line("220 go ahead\r\n250-evil\r\n250 AUTH LOGIN"),
        _ => Say::Usual,
    });
    let server = server.await;
    failed(one(&server, account(&server, Tls::StartTls)).await, Class::Network, "went on unencrypted after STARTTLS");
    assert_eq!(server.count("EHLO"), 1);
}

#[tokio::test]
async fn a_password_is_told_in_the_way_that_the_server_offers() {
    let offering = |offer: &'static str| {
        Server::open(Encrypts::Never, move |_, line| match line.split(' ').next().unwrap() {
            "EHLO" => Say::Line(offer),
            "AUTH" if line == "AUTH LOGIN" => Say::Line("334 VXNlcm5hbWU6"),
            "dQ==" => Say::Line("334 UGFzc3dvcmQ6"),
            "czNjcmV0" => Say::Line("235 2.7.0 welcome"),
            _ => Say::Usual,
        })
    };
    for (offer, said) in [
        ("250-fake\r\n250 AUTH LOGIN PLAIN", vec!["AUTH PLAIN AHUAczNjcmV0"]),
        ("250-fake\r\n250-auth cram-md5 login\r\n250 HELP", vec!["AUTH LOGIN", "dQ==", "czNjcmV0"]),
        ("250-fake\r\n250 AUTH=LOGIN", vec!["AUTH LOGIN", "dQ==", "czNjcmV0"]),
    ] {
        let server = offering(offer).await;
        took(one(&server, with_login(account(&server, Tls::None))).await);
        assert_eq!(server.heard(0)[1..=said.len()], said, "{offer}");
    }
    for (offer, words) in [("250 fake", "it offers nothing"), ("250-x\r\n250 AUTH XOAUTH2", "it offers XOAUTH2")] {
        let server = offering(offer).await;
        failed(one(&server, with_login(account(&server, Tls::None))).await, Class::Account, words);
    }
}

#[tokio::test]
async fn an_address_that_is_not_ascii_needs_a_server_that_takes_it() {
    let server = Server::plain().await;
    let (account, carrier) = (Arc::new(account(&server, Tls::None)), carrier(&transport(&server)));
    let to_ivan = |account| Mail { to: "иван@example.org".to_owned(), ..mail(account, "1") };
    let words = "takes no address that is not ASCII, such as иван@example.org";
    failed(sent(&carrier, to_ivan(&account)).await, Class::Recipient, words);
    let server = Server::open(Encrypts::Never, |_, line| match line.starts_with("EHLO") {
        true => Say::Line("250-fake\r\n250-8BITMIME\r\n250 SMTPUTF8"),
        false => Say::Usual,
    });
    let server = server.await;
    let account = Arc::new(self::account(&server, Tls::None));
    took(sent(&carrier, to_ivan(&account)).await);
    let heard = server.heard(0);
    assert_eq!(heard[1], "MAIL FROM:<alarm@example.org> BODY=8BITMIME SMTPUTF8");
    assert_eq!(heard[2], "RCPT TO:<иван@example.org>");
    assert!(server.mails()[0].contains("\r\nTo: иван@example.org\r\n"));
}

#[tokio::test]
async fn a_mail_is_written_as_it_should_be() {
    let server = Server::plain().await;
    let account = Arc::new(account(&server, Tls::None));
    let mail = Mail {
        from: Mailbox { name: Some("Alarm, db1".to_owned()), address: "alarm@example.org".to_owned() },
        reply_to: Some(Mailbox { name: None, address: "ops@example.org".to_owned() }),
        thread: Some("thread-01@example.org".to_owned()),
        priority: Priority::High,
        ..mail(&account, "disk full\n.\n..two\r\nlone\rreturn")
    };
    took(sent(&carrier(&transport(&server)), mail).await);
    let written = "Message-ID: <01J-7@example.org>\r\n\
        Date: Fri, 20 Nov 2026 23:15:00 +0000\r\n\
        From: =?utf-8?b?QWxhcm0sIGRiMQ==?= <alarm@example.org>\r\n\
        To: ivan@example.org\r\n\
        Subject: disk\r\n\
        Reply-To: ops@example.org\r\n\
        In-Reply-To: <thread-01@example.org>\r\n\
        References: <thread-01@example.org>\r\n\
        Auto-Submitted: auto-generated\r\n\
        X-Auto-Response-Suppress: All\r\n\
        X-Priority: 1 (Highest)\r\n\
        Importance: high\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        \r\n\
        disk full\r\n\
        ..\r\n\
        ...two\r\n\
        lone\r\n\
        return\r\n\
        .\r\n";
    assert_eq!(server.mails(), [written]);
}

#[tokio::test]
async fn whatever_is_in_a_mail_it_keeps_its_headers_and_its_lines() {
    let server = Server::plain().await;
    let (account, carrier) = (Arc::new(account(&server, Tls::None)), carrier(&transport(&server)));
    let long = "ж".repeat(5000);
    for (subject, text) in [
        ("Диск полон 🔔 на db1.example.org: осталось 0 % из 2 ТБ, очищать нечего", "Диск полон 🔔\n.\nstring"),
        ("a\r\nBcc: all@example.org\r\n\r\nbody", "a\r\n\r\nBcc: b"),
        (long.as_str(), long.as_str()),
        ("=?utf-8?q?x?=", "x\0y \u{202e} \u{1b}[2J"),
        ("", "\n\n"),
    ] {
        let mail = Mail { subject: subject.to_owned(), ..mail(&account, text) };
        took(sent(&carrier, mail).await);
        let written = server.mails().pop().unwrap();
        let (head, _) = written.split_once("\r\n\r\n").unwrap();
        assert!(written.is_ascii() && written.lines().all(|line| line.len() <= 78), "{written}");
        let own = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        let names: Vec<_> = own.map(|line| line.split(':').next().unwrap()).collect();
        let wanted = [
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
        ];
        assert_eq!(names, wanted, "{head}");
    }
}

/// An HTTP proxy that makes tunnels to `localhost`.
async fn proxy(port: u16) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tasks) = (listener.local_addr().unwrap(), Tasks::new());
    tasks.clone().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tasks.spawn(async move {
                let mut asked = String::new();
                while !asked.ends_with("\r\n\r\n") {
                    asked.push(char::from(stream.read_u8().await.unwrap()));
                }
                assert!(asked.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{asked}");
                stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                copy_bidirectional(&mut stream, &mut far).await.ok();
            });
        }
    });
    address
}

#[tokio::test]
async fn a_proxy_is_gone_through_and_its_own_host_is_not_this_one() {
    let server = Server::open(Encrypts::ByStartTls, |_, _| Say::Usual).await;
    let proxy = format!("http://{}", proxy(server.address.port()).await);
    let carrier = carrier(&Transport { proxy: Some(proxy.parse().unwrap()), ..transport(&server) });
    let encrypted = Arc::new(with_login(account(&server, Tls::StartTls)));
    took(sent(&carrier, mail(&encrypted, "1")).await);
    let plain = Arc::new(with_login(account(&server, Tls::None)));
    failed(sent(&carrier, mail(&plain, "2")).await, Class::Account, "the password is not sent unencrypted");
}
