//! A socket of our own, to see whether a connection arrives at this machine.

use std::io;
use std::net::IpAddr;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket};

use crate::mapping::Protocol;

/// What one says to be known: nobody else can guess it.
pub(crate) type Password = [u8; 16];

/// A socket that takes a password and nothing else.
#[derive(Debug)]
pub(crate) enum Door {
    /// For TCP.
    Tcp(TcpListener),
    /// For UDP.
    Udp(UdpSocket),
}

impl Door {
    /// Opens one on an address of ours, on a port that the system chooses.
    pub(crate) async fn open(protocol: Protocol, at: IpAddr) -> io::Result<Self> {
        match protocol {
            Protocol::Tcp => Ok(Self::Tcp(TcpListener::bind((at, 0)).await?)),
            Protocol::Udp => Ok(Self::Udp(UdpSocket::bind((at, 0)).await?)),
        }
    }

    /// Its port.
    pub(crate) fn port(&self) -> io::Result<u16> {
        let address = match self {
            Self::Tcp(listener) => listener.local_addr()?,
            Self::Udp(socket) => socket.local_addr()?,
        };
        Ok(address.port())
    }

    /// Waits for as long as it takes until somebody says the password. Visitors come one after another, and each gets
    /// to say as many bytes as it is long; whoever says something else is sent away.
    pub(crate) async fn wait_for(&self, password: Password) {
        loop {
            let mut said = [0; size_of::<Password>()];
            let heard = match self {
                Self::Tcp(listener) => match listener.accept().await {
                    // A visitor who says nothing keeps the next one waiting, but not longer than our own would take.
                    Ok((mut stream, _)) => tokio::time::timeout(PATIENCE, stream.read_exact(&mut said))
                        .await
                        .is_ok(),
                    Err(_) => pause().await,
                },
                Self::Udp(socket) => match socket.recv_from(&mut said).await {
                    Ok((length, _)) => length == said.len(),
                    Err(_) => pause().await,
                },
            };
            if heard && said == password {
                return;
            }
        }
    }
}

/// How long a visitor may take to say the password.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);

/// After an error that may come again at once (out of files), gives others the time to go on.
async fn pause() -> bool {
    tokio::time::sleep(PATIENCE).await;
    false
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn only_the_password_opens_a_tcp_door() {
        let door = Door::open(Protocol::Tcp, HERE).await.unwrap();
        let at = (HERE, door.port().unwrap());
        let wrong = TcpStream::connect(at).await.unwrap();
        let mut others = TcpStream::connect(at).await.unwrap();
        others.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert!(
            timeout(Duration::from_millis(400), door.wait_for([7; 16]))
                .await
                .is_err()
        );
        drop((wrong, others));
        let mut right = TcpStream::connect(at).await.unwrap();
        right.write_all(&[7; 16]).await.unwrap();
        timeout(Duration::from_secs(10), door.wait_for([7; 16])).await.unwrap();
    }

    #[tokio::test]
    async fn only_the_password_opens_a_udp_door() {
        let door = Door::open(Protocol::Udp, HERE).await.unwrap();
        let at = (HERE, door.port().unwrap());
        let visitor = UdpSocket::bind((HERE, 0)).await.unwrap();
        for wrong in [&[7; 15][..], b"", &[8; 16]] {
            visitor.send_to(wrong, at).await.unwrap();
        }
        assert!(
            timeout(Duration::from_millis(100), door.wait_for([7; 16]))
                .await
                .is_err()
        );
        visitor.send_to(&[7; 16], at).await.unwrap();
        timeout(Duration::from_secs(10), door.wait_for([7; 16])).await.unwrap();
    }
}
