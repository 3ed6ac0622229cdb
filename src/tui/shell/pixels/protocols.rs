//! Three ways to send a picture to a terminal.
//!
//! Kitty's: <https://sw.kovidgoyal.net/kitty/graphics-protocol/>; iTerm2's:
//! <https://iterm2.com/documentation-images.html>; sixel: DEC STD 070, chapter 9.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// What kitty takes at once, in bytes.
const CHUNK: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Kitty,
    Sixel,
    Iterm2,
}

/// Pixels in rows; where there is none, the background is seen.
#[derive(Debug)]
pub struct Bitmap {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Option<[u8; 3]>>,
}

impl Protocol {
    /// Draws a picture at the cursor over so many cells, in place of the one with the same number.
    pub fn put(
        self,
        bitmap: &Bitmap,
        id: u32,
        (columns, rows): (u16, u16),
        out: &mut impl Write,
    ) -> io::Result<()> {
        match self {
            Self::Kitty => kitty(bitmap, id, (columns, rows), out),
            Self::Sixel => sixel(bitmap, out),
            Self::Iterm2 => {
                let png = STANDARD.encode(png(bitmap)?);
                write!(
                    out,
                    "\x1b]1337;File=inline=1;width={columns};height={rows};preserveAspectRatio=0;doNotMoveCursor=1:{png}\x07"
                )
            }
        }
    }

    /// Takes all pictures away, where they do not go with the text.
    pub fn clear(self, out: &mut impl Write) -> io::Result<()> {
        if self == Self::Kitty { write!(out, "\x1b_Ga=d,d=A,q=2\x1b\\") } else { Ok(()) }
    }
}

fn png(bitmap: &Bitmap) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(bitmap.pixels.len() * 4);
    for pixel in &bitmap.pixels {
        let [red, green, blue] = pixel.unwrap_or_default();
        bytes.extend([red, green, blue, if pixel.is_some() { 255 } else { 0 }]);
    }
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::NoFilter)
        .write_image(&bytes, bitmap.width as u32, bitmap.height as u32, ExtendedColorType::Rgba8)
        .map_err(io::Error::other)?;
    Ok(png)
}

/// Under the text (z = -1), so that letters and the cursor are seen over it.
fn kitty(bitmap: &Bitmap, id: u32, (columns, rows): (u16, u16), out: &mut impl Write) -> io::Result<()> {
    let data = STANDARD.encode(png(bitmap)?);
    let chunks: Vec<&[u8]> = data.as_bytes().chunks(CHUNK).collect();
    for (at, chunk) in chunks.iter().enumerate() {
        let more = u8::from(at + 1 < chunks.len());
        if at == 0 {
            write!(out, "\x1b_Ga=T,f=100,q=2,i={id},p=1,c={columns},r={rows},C=1,z=-1,m={more};")?;
        } else {
            write!(out, "\x1b_Gm={more};")?;
        }
        out.write_all(chunk)?;
        write!(out, "\x1b\\")?;
    }
    Ok(())
}

/// Bands of six rows, each colour of a band after the other, equal columns counted.
fn sixel(bitmap: &Bitmap, out: &mut impl Write) -> io::Result<()> {
    let mut palette: Vec<[u8; 3]> = Vec::new();
    let mut indices: Vec<u8> = Vec::with_capacity(bitmap.pixels.len());
    for pixel in &bitmap.pixels {
        // 0 is no colour; a chart has few.
        let index = pixel.map_or(0, |color| {
            let known = palette.iter().position(|known| *known == color);
            let at = known.unwrap_or_else(|| {
                palette.push(color);
                palette.len() - 1
            });
            (at + 1).min(250)
        });
        indices.push(index as u8);
    }
    // The second parameter leaves the background where nothing is drawn.
    write!(out, "\x1bP0;1;0q\"1;1;{};{}", bitmap.width, bitmap.height)?;
    for (at, color) in palette.iter().enumerate() {
        let [red, green, blue] = color.map(|value| u32::from(value) * 100 / 255);
        write!(out, "#{};2;{red};{green};{blue}", at + 1)?;
    }
    for top in (0..bitmap.height).step_by(6) {
        let rows = top..(top + 6).min(bitmap.height);
        let band = &indices[rows.start * bitmap.width..rows.end * bitmap.width];
        for color in 1..=palette.len().min(250) as u8 {
            if !band.contains(&color) {
                continue;
            }
            write!(out, "#{color}")?;
            let bits = |x: usize| {
                (0..rows.len())
                    .filter(|y| band[y * bitmap.width + x] == color)
                    .fold(0_u8, |bits, y| bits | 1 << y)
            };
            let mut x = 0;
            while x < bitmap.width {
                let sixel = bits(x);
                let mut end = x + 1;
                while end < bitmap.width && bits(end) == sixel {
                    end += 1;
                }
                let character = (63 + sixel) as char;
                match end - x {
                    length @ 4.. => write!(out, "!{length}{character}")?,
                    length => (0..length).try_for_each(|_| write!(out, "{character}"))?,
                }
                x = end;
            }
            write!(out, "$")?;
        }
        write!(out, "-")?;
    }
    write!(out, "\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap() -> Bitmap {
        let (red, blue) = (Some([255, 0, 0]), Some([0, 0, 255]));
        let mut pixels = vec![None; 5 * 8];
        pixels[..5].fill(red);
        pixels[7 * 5 + 4] = blue;
        Bitmap { width: 5, height: 8, pixels }
    }

    #[test]
    fn sixels_are_bands_of_six_rows() {
        let mut out = Vec::new();
        sixel(&bitmap(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "\x1bP0;1;0q\"1;1;5;8#1;2;100;0;0#2;2;0;0;100#1!5@$-#2!4?A$-\x1b\\");
    }

    #[test]
    fn kitty_gets_a_png_in_pieces() {
        let mut out = Vec::new();
        let wide = Bitmap {
            width: 300,
            height: 200,
            pixels: (0..60_000)
                .map(|at| Some([(at % 251) as u8, (at % 13) as u8, (at / 7 % 256) as u8]))
                .collect(),
        };
        kitty(&wide, 3, (10, 5), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let pieces: Vec<&str> =
            text.split("\x1b_G").skip(1).map(|piece| piece.strip_suffix("\x1b\\").unwrap()).collect();
        assert!(pieces.len() > 2 && pieces[0].starts_with("a=T,f=100,q=2,i=3,p=1,c=10,r=5,C=1,z=-1,m=1;"));
        assert!(pieces.last().unwrap().starts_with("m=0;"));
        let data: String = pieces.iter().map(|piece| piece.split_once(';').unwrap().1).collect();
        let image = image::load_from_memory(&STANDARD.decode(data).unwrap()).unwrap().to_rgba8();
        assert_eq!(image.get_pixel(4, 1).0, [53, 5, 43, 255]);
    }
}
