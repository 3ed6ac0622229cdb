//! The ways to send a picture to a terminal.
//!
//! Kitty's: <https://sw.kovidgoyal.net/kitty/graphics-protocol/>; iTerm2's:
//! <https://iterm2.com/documentation-images.html>; sixel: DEC STD 070, chapter 9.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use color_quant::NeuQuant;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rustc_hash::FxHashMap;

/// What kitty takes at once, in bytes.
const CHUNK: usize = 4_096;
/// And iTerm2 behind tmux.
const PART: usize = 128 * 1024;
/// The colours of a picture in sixels, at most.
const COLORS: usize = 250;
/// One of so many pixels counts where colours have to be chosen.
const SAMPLE: i32 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Kitty,
    /// Kitty's, sent through tmux, which moves and clears the text that the pictures stand in.
    KittyInTmux,
    Sixel,
    Iterm2,
    /// iTerm2's, sent through tmux to a place of the terminal behind it.
    Iterm2InTmux,
}

/// Pixels in rows; where there is none, the background is seen.
#[derive(Debug)]
pub struct Bitmap {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Option<[u8; 3]>>,
}

impl Protocol {
    /// Whether pictures stand where certain letters stand, and go with them.
    pub fn is_text(self) -> bool {
        self == Self::KittyInTmux
    }

    /// Whether text is seen over a picture.
    pub fn is_under_text(self) -> bool {
        matches!(self, Self::Kitty | Self::KittyInTmux)
    }

    /// Draws a picture at the cursor over so many cells, in place of the one with the same number.
    pub fn put(
        self,
        bitmap: &Bitmap,
        number: u8,
        (columns, rows): (u16, u16),
        out: &mut impl Write,
    ) -> io::Result<()> {
        match self {
            // Under the text (z = -1), so that letters and the cursor are seen over it.
            Self::Kitty => {
                let keys = format!("i={number},p=1,c={columns},r={rows},C=1,z=-1");
                kitty(bitmap, &keys, |piece| out.write_all(piece.as_bytes()))
            }
            Self::KittyInTmux => {
                let keys = format!("i={},U=1,c={columns},r={rows}", in_tmux(number));
                kitty(bitmap, &keys, |piece| out.write_all(through_tmux(piece).as_bytes()))
            }
            Self::Sixel => sixel(bitmap, out),
            Self::Iterm2 => {
                let png = STANDARD.encode(png(bitmap)?);
                write!(out, "\x1b]1337;File={}:{png}\x07", iterm2_keys((columns, rows)))
            }
            // Where that is in the terminal is known to who calls: `put_in_tmux`.
            Self::Iterm2InTmux => put_in_tmux(bitmap, (1, 1), (columns, rows), out),
        }
    }

    /// Takes a picture away that is no more to be seen, where the terminal keeps it.
    pub fn forget(self, number: u8, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::KittyInTmux => {
                let words = format!("\x1b_Ga=d,d=I,i={},q=2\x1b\\", in_tmux(number));
                write!(out, "{}", through_tmux(&words))
            }
            Self::Kitty | Self::Sixel | Self::Iterm2 | Self::Iterm2InTmux => Ok(()),
        }
    }

    /// Takes all pictures away, where they do not go with the text.
    pub fn clear(self, out: &mut impl Write) -> io::Result<()> {
        if self == Self::Kitty { write!(out, "\x1b_Ga=d,d=A,q=2\x1b\\") } else { Ok(()) }
    }
}

fn iterm2_keys((columns, rows): (u16, u16)) -> String {
    format!("inline=1;width={columns};height={rows};preserveAspectRatio=0;doNotMoveCursor=1")
}

/// Draws a picture by iTerm2's protocol through tmux, at a column and row of the terminal behind it. It goes in parts, since
/// tmux passes on only so much at once; tmux does not know of the cursor, which is put back.
pub fn put_in_tmux(
    bitmap: &Bitmap,
    (x, y): (u16, u16),
    size: (u16, u16),
    out: &mut impl Write,
) -> io::Result<()> {
    let png = STANDARD.encode(png(bitmap)?);
    let at_place = |words: &str| format!("\x1b7\x1b[{y};{x}H{words}\x1b8");
    let begin = at_place(&format!("\x1b]1337;MultipartFile={}\x07", iterm2_keys(size)));
    write!(out, "{}", through_tmux(&begin))?;
    let mut rest = png.as_str();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(PART));
        write!(out, "{}", through_tmux(&format!("\x1b]1337;FilePart={piece}\x07")))?;
        rest = behind;
    }
    write!(out, "{}", through_tmux(&at_place("\x1b]1337;FileEnd\x07")))
}

/// The terminal's number of a picture, where other programs in other panes send it pictures too: the highest of its four
/// bytes is this program's, and not 0.
pub fn in_tmux(number: u8) -> u32 {
    u32::from_be_bytes([(std::process::id() % 255) as u8 + 1, 0, 0, number])
}

/// Words for the terminal behind tmux, which passes them on where `allow-passthrough` is on.
pub fn through_tmux(words: &str) -> String {
    format!("\x1bPtmux;{}\x1b\\", words.replace('\x1b', "\x1b\x1b"))
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

/// A picture as kitty takes it, in pieces. Nothing is to be answered (q=2): tmux would give that to whichever pane has the
/// keys.
fn kitty(bitmap: &Bitmap, keys: &str, mut send: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let data = STANDARD.encode(png(bitmap)?);
    let mut rest = data.as_str();
    let mut keys = format!("a=T,f=100,q=2,{keys},");
    while !rest.is_empty() {
        // It is ASCII.
        let (piece, behind) = rest.split_at(rest.len().min(CHUNK));
        let more = u8::from(!behind.is_empty());
        send(&format!("\x1b_G{keys}m={more};{piece}\x1b\\"))?;
        keys.clear();
        rest = behind;
    }
    Ok(())
}

/// The colours of a picture, and for each pixel the number of its own from 1 on, or 0. A chart has few; of an image those
/// are chosen that come nearest.
fn palette(bitmap: &Bitmap) -> (Vec<[u8; 3]>, Vec<u8>) {
    let mut known: FxHashMap<[u8; 3], u8> = FxHashMap::default();
    let mut colors = Vec::new();
    for color in bitmap.pixels.iter().flatten() {
        if known.contains_key(color) {
            continue;
        }
        if colors.len() == COLORS {
            return nearest_palette(bitmap);
        }
        colors.push(*color);
        known.insert(*color, colors.len() as u8);
    }
    let of = |pixel: &Option<[u8; 3]>| pixel.and_then(|color| known.get(&color).copied()).unwrap_or(0);
    let indices = bitmap.pixels.iter().map(of).collect();
    (colors, indices)
}

fn nearest_palette(bitmap: &Bitmap) -> (Vec<[u8; 3]>, Vec<u8>) {
    let opaque = |[red, green, blue]: [u8; 3]| [red, green, blue, 255];
    let bytes: Vec<u8> = bitmap.pixels.iter().flatten().flat_map(|color| opaque(*color)).collect();
    let chosen = NeuQuant::new(SAMPLE, COLORS, &bytes);
    let colors = chosen.color_map_rgb().as_chunks::<3>().0.to_vec();
    let mut known: FxHashMap<[u8; 3], u8> = FxHashMap::default();
    let mut of = |color: [u8; 3]| {
        *known.entry(color).or_insert_with(|| (chosen.index_of(&opaque(color)) + 1).min(COLORS) as u8)
    };
    let indices = bitmap.pixels.iter().map(|pixel| pixel.map_or(0, &mut of)).collect();
    (colors, indices)
}

/// Bands of six rows, each colour of a band after the other, equal columns counted.
fn sixel(bitmap: &Bitmap, out: &mut impl Write) -> io::Result<()> {
    let (palette, indices) = palette(bitmap);
    // The second parameter leaves the background where nothing is drawn.
    write!(out, "\x1bP0;1;0q\"1;1;{};{}", bitmap.width, bitmap.height)?;
    for (at, color) in palette.iter().enumerate() {
        let [red, green, blue] = color.map(|value| u32::from(value) * 100 / 255);
        write!(out, "#{};2;{red};{green};{blue}", at + 1)?;
    }
    // The bits of a band: for each colour those of each column.
    let width = bitmap.width;
    let mut bits = vec![0_u8; (palette.len() + 1) * width];
    for band in indices.chunks(6 * width.max(1)) {
        bits.fill(0);
        let mut used = [false; COLORS + 1];
        for (at, color) in band.iter().enumerate() {
            bits[usize::from(*color) * width + at % width] |= 1 << (at / width);
            used[usize::from(*color)] = true;
        }
        for color in (1..=palette.len()).filter(|color| used[*color]) {
            write!(out, "#{color}")?;
            for same in bits[color * width..][..width].chunk_by(|a, b| a == b) {
                let character = (63 + same[0]) as char;
                match same.len() {
                    length @ 4.. => write!(out, "!{length}{character}")?,
                    length => (0..length).try_for_each(|_| write!(out, "{character}"))?,
                }
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
    fn many_colours_become_those_that_come_nearest() {
        let pixels = (0..100 * 90).map(|at| Some([(at % 100) as u8 * 2, (at / 100) as u8 * 2, 40]));
        let bitmap = Bitmap { width: 100, height: 90, pixels: pixels.collect() };
        let (colors, indices) = palette(&bitmap);
        assert_eq!((colors.len(), indices.len()), (COLORS, 9_000));
        let mut worst = 0;
        for (pixel, index) in bitmap.pixels.iter().zip(&indices) {
            let color = colors[usize::from(*index) - 1];
            worst = worst.max((0..3).map(|at| pixel.unwrap()[at].abs_diff(color[at])).max().unwrap());
        }
        assert!(worst < 40, "a colour is {worst} of 255 away");
        let mut out = Vec::new();
        sixel(&bitmap, &mut out).unwrap();
        assert!(out.starts_with(b"\x1bP0;1;0q\"1;1;100;90#1;2;") && out.ends_with(b"\x1b\\"));
    }

    #[test]
    fn iterm2_behind_tmux_gets_a_png_in_parts_at_a_place() {
        let mut out = Vec::new();
        put_in_tmux(&bitmap(), (31, 7), (10, 5), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let sent: String = text
            .split("\x1bPtmux;")
            .skip(1)
            .map(|part| part.strip_suffix("\x1b\\").unwrap().replace("\x1b\x1b", "\x1b"))
            .collect();
        let keys = iterm2_keys((10, 5));
        let begin = format!("\x1b7\x1b[7;31H\x1b]1337;MultipartFile={keys}\x07\x1b8\x1b]1337;FilePart=");
        assert!(sent.starts_with(&begin), "{sent:.120}");
        assert!(sent.ends_with("\x07\x1b7\x1b[7;31H\x1b]1337;FileEnd\x07\x1b8"));
        let png = sent.split_once("FilePart=").unwrap().1.split_once('\x07').unwrap().0;
        let image = image::load_from_memory(&STANDARD.decode(png).unwrap()).unwrap().to_rgba8();
        assert_eq!(image.dimensions(), (5, 8));
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
        Protocol::Kitty.put(&wide, 3, (10, 5), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let mut wrapped = Vec::new();
        Protocol::KittyInTmux.put(&wide, 3, (10, 5), &mut wrapped).unwrap();
        let wrapped = String::from_utf8(wrapped).unwrap();
        let sent = wrapped.split("\x1bPtmux;").skip(1).map(|piece| piece.strip_suffix("\x1b\\").unwrap());
        let sent = sent.collect::<String>().replace("\x1b\x1b", "\x1b");
        let keys = format!("\x1b_Ga=T,f=100,q=2,i={},U=1,c=10,r=5,m=1;", in_tmux(3));
        assert!(sent.starts_with(&keys), "{sent:.80}");
        assert_eq!(sent.split_once(';').unwrap().1, text.split_once(';').unwrap().1);
        let pieces: Vec<&str> =
            text.split("\x1b_G").skip(1).map(|piece| piece.strip_suffix("\x1b\\").unwrap()).collect();
        assert!(pieces.len() > 2 && pieces[0].starts_with("a=T,f=100,q=2,i=3,p=1,c=10,r=5,C=1,z=-1,m=1;"));
        assert!(pieces.last().unwrap().starts_with("m=0;"));
        let data: String = pieces.iter().map(|piece| piece.split_once(';').unwrap().1).collect();
        let image = image::load_from_memory(&STANDARD.decode(data).unwrap()).unwrap().to_rgba8();
        assert_eq!(image.get_pixel(4, 1).0, [53, 5, 43, 255]);
    }
}
