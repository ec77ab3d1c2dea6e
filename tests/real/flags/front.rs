//! Stands between the program and a provider of flags, and loses or answers what it is told to.

use std::net::SocketAddr;

use support::Checked;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of what the program sends.
#[derive(Clone, Copy)]
pub enum Fate {
    Arrives,
    /// It never reaches the server, and the connection ends.
    IsLost,
    /// The server carries it out, and the connection ends before its answer.
    LosesAnswer,
    /// It never reaches the server; this is answered.
    Answered(&'static str),
}

/// Stands before the server at `address`, and returns its own; it ends with the runtime. `fate` is asked about all that the
/// program sends, a copy of it for each connection.
pub async fn front(address: String, fate: impl FnMut(&str) -> Fate + Clone + Send + 'static) -> Checked<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let own = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (address, fate) = (address.clone(), fate.clone());
            // Whatever ends a connection is seen by the program.
            tokio::spawn(async move { relay(client, &address, fate).await });
        }
    });
    Ok(own)
}

async fn relay(mut client: TcpStream, address: &str, mut fate: impl FnMut(&str) -> Fate) -> std::io::Result<()> {
    let mut server = TcpStream::connect(address).await?;
    let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                match fate(&String::from_utf8_lossy(bytes)) {
                    Fate::Arrives => server.write_all(bytes).await?,
                    Fate::IsLost => return Ok(()),
                    Fate::LosesAnswer => {
                        server.write_all(bytes).await?;
                        // The answer is there: it was carried out.
                        return server.readable().await;
                    }
                    Fate::Answered(answer) => return client.write_all(answer.as_bytes()).await,
                }
            }
            read = server.read(&mut answered) => {
                let bytes = &answered[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}
