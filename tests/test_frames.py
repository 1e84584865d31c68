"""A first frame out of anything a user may have, and a message with a remedy for everything else."""

import base64
import io
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from mjvideo_nb import InvalidRequest, VideoRequest, frames, wire

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (250, 250, 250)
ORIENTATION = 0x0112


def corners(mode="RGB", size=(64, 48)):
    """A picture whose four corners tell which way up it is: red, green / blue, white."""
    image = Image.new("RGB", size)
    half = (size[0] // 2, size[1] // 2)
    for (x, y), colour in zip(itertools.product((0, 1), repeat=2), (RED, BLUE, GREEN, WHITE), strict=True):
        image.paste(colour, (x * half[0], y * half[1], (x + 1) * half[0], (y + 1) * half[1]))
    return image.quantize(8) if mode == "P" else image.convert(mode)


def encoded(image=None, kind="PNG", **options):
    buffer = io.BytesIO()
    (image or corners()).save(buffer, kind, **options)
    return buffer.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return exif


def stored(value, kind="JPEG"):
    """`corners` as a camera stores it that was held so that the viewer must turn it by this EXIF orientation."""
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[value]
    image = corners() if undo is None else corners().transpose(undo)
    return encoded(image, kind, exif=orientation(value), **({"quality": 95} if kind == "JPEG" else {}))


def noise(size, mode="RGB"):
    """A picture that no compression makes smaller."""
    bands = len(mode)
    return Image.frombytes(mode, size, np.random.default_rng(0).bytes(size[0] * size[1] * bands))


def opened(frame):
    return Image.open(io.BytesIO(frame.data))


def seen_corners(frame):
    image = opened(frame).convert("RGB")
    x, y = image.width // 4, image.height // 4
    places = [(x, y), (3 * x, y), (x, 3 * y), (3 * x, 3 * y)]
    return [image.getpixel(place) for place in places]


def assert_upright(frame):
    for seen, wanted in zip(seen_corners(frame), (RED, GREEN, BLUE, WHITE), strict=True):
        assert max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) < 25, seen_corners(frame)
    assert opened(frame).getexif().get(ORIENTATION, 1) == 1


def refusal(source):
    """The message a source is refused with; it names the field and never drags the data along."""
    with pytest.raises(InvalidRequest) as caught:
        frames.load(source)
    assert caught.value.field == "image"
    assert str(caught.value).startswith("image: ")
    assert str(caught.value).count("image: ") == 1
    assert "image: image" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert " at 0x" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def without_pillow(monkeypatch):
    monkeypatch.setattr(frames, "_has_pillow", lambda: False)


# What goes out as it is


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "way", ["str", "Path", "bytes", "bytearray", "data URI", "data URI, not base64", "os.PathLike"]
)
def test_a_small_upright_file_goes_out_byte_for_byte(kind, way, tmp_path):
    data = encoded(kind=kind)
    path = tmp_path / "my first frame.dat"
    path.write_bytes(data)
    media_type = f"image/{kind.lower()}"

    class Like:
        def __fspath__(self):
            return str(path)

    source = {
        "str": str(path),
        "Path": path,
        "os.PathLike": Like(),
        "bytes": data,
        "bytearray": bytearray(data),
        "data URI": f"data:{media_type};base64,{base64.b64encode(data).decode()}",
        "data URI, not base64": f"data:{media_type},{''.join(f'%{byte:02x}' for byte in data)}",
    }[way]
    frame = frames.load(source)
    assert frame.data == data
    assert frame.media_type == media_type
    assert frame.size == (64, 48)
    assert frame.note == ""
    assert frame.wire == f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("animated WebP", encoded(kind="WEBP", save_all=True, append_images=[Image.new("RGB", (64, 48), RED)])),
        ("16-bit PNG", encoded(Image.fromarray(np.full((48, 64), 40_000, np.uint16)))),
        ("CMYK JPEG", encoded(corners("CMYK"), "JPEG")),
        ("palette PNG", encoded(corners("P"))),
        ("orientation 0, as some programs write it", encoded(kind="JPEG", exif=orientation(0))),
        ("orientation 9", encoded(kind="JPEG", exif=orientation(9))),
        ("damaged EXIF", encoded(kind="JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")),
        ("upright PNG with EXIF", encoded(exif=orientation(1))),
    ],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's own word about it
def test_an_odd_but_whole_picture_is_not_touched(name, data, monkeypatch):
    assert frames.load(data).data == data
    monkeypatch.setattr(frames, "_has_pillow", lambda: False)
    assert frames.load(data).data == data


def test_a_path_may_begin_with_a_tilde_and_be_relative(tmp_path, monkeypatch):
    (tmp_path / "a b.png").write_bytes(encoded())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for source in ("~/a b.png", Path("~/a b.png"), "a b.png", " a b.png\n"):
        assert frames.load(source).name == "a b.png"


def test_a_url_is_passed_on_and_not_fetched():
    for url in ("https://x.example/a/tulip.jpg?size=1", "HTTP://X.example:8080/tulip.jpg"):
        frame = frames.load(f" {url} ")
        assert frame.wire == url
        assert frame.name == "tulip.jpg"
        assert not frame.data


def test_a_frame_is_its_own_source_and_the_same_picture_has_the_same_digest(photo):
    frame = frames.load(photo)
    assert frames.load(frame) is frame
    assert frames.load(photo.read_bytes()).digest == frame.digest
    assert frames.load("https://x.example/a.jpg").digest != frames.load("https://x.example/b.jpg").digest
    assert len(repr(frame)) < 200


# Pictures in memory


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "L", "LA", "1", "HSV", "YCbCr", "I;16", "I", "F"])
def test_a_pillow_image_of_any_mode_becomes_a_picture(mode):
    source = corners("L").convert(mode) if mode in {"I;16", "I", "F"} else corners(mode)
    frame = frames.load(source)
    assert opened(frame).size == (64, 48)
    if mode in {"RGB", "RGBA", "P", "CMYK", "HSV", "YCbCr"}:
        assert_upright(frame)


def test_a_pillow_image_keeps_its_transparency():
    image = corners("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    assert opened(frames.load(image)).convert("RGBA").getpixel((0, 0))[3] == 0


@pytest.mark.parametrize("value", range(1, 9))
def test_an_opened_photo_is_turned_upright_too(value, tmp_path):
    (tmp_path / "phone.jpg").write_bytes(stored(value))
    with Image.open(tmp_path / "phone.jpg") as image:
        frame = frames.load(image)
    assert_upright(frame)
    assert frame.size == (64, 48)
    assert frame.name == "phone.jpg"


def test_colours_of_a_print_profile_are_not_put_on_a_screen_picture():
    """A CMYK image turned into RGB must lose its CMYK profile, or viewers refuse or distort it."""
    image = corners("CMYK")
    image.info["icc_profile"] = b"a CMYK profile"
    assert "icc_profile" not in opened(frames.load(image)).info


@pytest.mark.parametrize("channels", [3, 4])
def test_an_array_becomes_a_picture(channels):
    pixels = np.array(corners("RGB" if channels == 3 else "RGBA"))
    assert_upright(frames.load(pixels))
    assert_upright(frames.load(np.asfortranarray(pixels)))
    flipped = pixels[:, ::-1]
    assert seen_corners(frames.load(flipped))[0] == GREEN


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4), np.uint8), ["height × width × 3 or 4", "4 × 4"]),
        (np.zeros((4, 4, 1), np.uint8), ["4 × 4 × 1"]),
        (np.zeros((2, 4, 4, 3), np.uint8), ["2 × 4 × 4 × 3"]),
        (np.zeros((0, 4, 3), np.uint8), ["0 × 4 × 3"]),
        (np.uint8(3), ["height × width × 3 or 4", "single number"]),
        (np.zeros((4, 4, 3), np.float32), ["uint8", "float32", "* 255"]),
        (np.zeros((4, 4, 3), np.int64), ["uint8", "int64", ".astype('uint8')"]),
        (np.zeros((4, 4, 3), bool), ["uint8", "bool"]),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array, words):
    message = refusal(array)
    assert all(word in message for word in words), message


# Turned and shrunk


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", range(2, 9))
def test_a_picture_on_its_side_is_turned_upright(kind, value):
    frame = frames.load(stored(value, kind))
    assert_upright(frame)
    assert frame.size == (64, 48)
    assert frame.note == "turned upright"


def test_turning_keeps_the_colour_profile():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(kind="JPEG", exif=orientation(3), icc_profile=profile)
    assert opened(frames.load(data)).info.get("icc_profile") == profile


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("value", [6, 1])
def test_forty_megabytes_become_a_body_that_every_gateway_takes(value, tmp_path):
    path = tmp_path / "huge.png"
    noise((4096, 3328)).save(path, compress_level=0, exif=orientation(value))
    assert path.stat().st_size > 40e6
    request = VideoRequest(image=path, prompt="p" * 2000)
    frame = frames.load(request.image)
    body = wire.submit_body(request, frame.wire)
    assert len(str(body).encode()) < 10_000_000
    assert max(frame.size) == 2048
    assert opened(frame).size == frame.size
    if value == 1:
        assert frame.note == "shrunk from 4096 × 3328"
    else:
        assert frame.note == "turned upright, shrunk from 3328 × 4096"


@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
def test_what_is_shrunk_stays_the_same_picture(mode):
    """Transparency becomes white, not black; 16-bit grey becomes grey, not white."""
    if mode == "RGBA":
        image = noise((2400, 2400), "RGBA")
        image.paste((0, 0, 0, 0), (0, 0, 240, 240))
        wanted = 255
    else:
        grey = np.random.default_rng(0).integers(0, 65536, (2800, 2800), np.uint16)
        grey[:280, :280] = 0x4000
        image, wanted = Image.fromarray(grey), 0x40
    frame = frames.load(encoded(image, compress_level=1))
    assert frame.media_type == "image/jpeg"
    assert abs(opened(frame).convert("L").getpixel((60, 60)) - wanted) < 8


def test_the_limit_is_that_of_the_body_and_not_of_the_file():
    """Base64 adds a third: a picture of 9 MB is a body of 12 MB."""
    data = encoded(noise((1750, 1720)), compress_level=0)
    assert 9_000_000 < len(data) < 10_000_000
    frame = frames.load(data)
    assert len(frame.wire) < 10_000_000
    assert (frame.size, frame.note) == ((1750, 1720), "saved as JPEG")


# What cannot be sent


def files(tmp_path):
    jpeg = encoded(kind="JPEG", quality=95)
    contents = {
        "notes.jpg": b"Dear diary, this is a text file\n",
        "empty.jpg": b"",
        "moving.gif": encoded(kind="GIF"),
        "old.bmp": encoded(kind="BMP"),
        "scan.tif": encoded(kind="TIFF"),
        "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "paper.pdf": b"%PDF-1.7\n",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "drawing2.svg": b"<?xml version='1.0'?>\n<svg/>",
        "page.html": b"\n  <!doctype html><html>",
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": encoded(noise((64, 64)))[:2000],
        "head.jpg": jpeg[:3],
        "head.png": encoded()[:8],
        "head.webp": b"RIFF\0\0\0\0WEBP",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


REMEDY = "Convert it, or choose another"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.jpg", ["there is no file", "nowhere.jpg", "check the path"]),
        ("notes.jpg/inside.jpg", ["there is no file", "inside.jpg"]),
        ("", ["is a folder", "name a picture in it"]),
        ("notes.jpg", ["notes.jpg is not a JPEG, PNG or WebP picture", "it begins with b'Dear diary", REMEDY]),
        ("empty.jpg", ["empty.jpg is empty", "choose another"]),
        ("moving.gif", ["it is a GIF", REMEDY]),
        ("old.bmp", ["it is a BMP", REMEDY]),
        ("scan.tif", ["it is a TIFF", REMEDY]),
        ("phone.heic", ["HEIC", REMEDY]),
        ("paper.pdf", ["it is a PDF", REMEDY]),
        ("drawing.svg", ["it is an SVG", REMEDY]),
        ("drawing2.svg", ["it is an XML or SVG", REMEDY]),
        ("page.html", ["it is a web page", REMEDY]),
        ("cut.jpg", ["cut.jpg is damaged or cut short", "Save it again"]),
        ("cut.png", ["cut.png is damaged or cut short", "Save it again"]),
        ("head.jpg", ["head.jpg is damaged or cut short"]),
        ("head.png", ["head.png is damaged or cut short"]),
        ("head.webp", ["head.webp is damaged or cut short"]),
    ],
)
def test_a_file_that_is_no_picture_is_refused(name, words, tmp_path):
    path = files(tmp_path) / name
    for source in (path, str(path)):
        message = refusal(source)
        assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", ["choose a first frame"]),
        ("   ", ["choose a first frame"]),
        (b"", ["is empty"]),
        (None, ["a path, URL", "not None"]),
        (17, ["a path, URL", "not int"]),
        (["a.jpg"], ["a path, URL", "not list", "one"]),
        (io.BytesIO(b"x"), ["not BytesIO", ".read()"]),
        ("file:///home/me/a.jpg", ["without file://"]),
        ("FILE:///home/me/a.jpg", ["without file://"]),
        ("ftp://x.example/a.jpg", ["no http(s) URL"]),
        ("s3://bucket/a.jpg", ["no http(s) URL"]),
        ("https://", ["no http(s) URL"]),
        ("https://x.example/my tulip.jpg", ["no http(s) URL", "%20"]),
        ("http://[::1/a.jpg", ["no http(s) URL"]),
        ("http://x.example:port/a.jpg", ["no http(s) URL"]),
        ("https://me:secret@x.example/a.jpg", ["password"]),
        ("data:image/png;base64", ["no comma"]),
        ("data:image/png;base64,iVBORw0KGgo", ["base64", "cut"]),
        ("data:image/png;base64,####", ["base64"]),
        ("data:image/png;base64,é", ["base64"]),
        ("data:text/plain,hello", ["is not a JPEG, PNG or WebP"]),
        ("data:image/png;base64,", ["is empty"]),
        ("~nobody-of-this-name/a.jpg", ["~nobody-of-this-name", "home"]),
        ("a\0.jpg", ["cannot be read"]),
        ("/dev/zero", ["is not a file"]),
    ],
)
def test_a_source_that_is_no_picture_is_refused(source, words):
    message = refusal(source)
    assert all(word in message for word in words), message
    assert "secret" not in message


@pytest.mark.parametrize("magic", [encoded(kind="JPEG"), encoded()])
def test_base64_without_its_head_is_known_for_what_it_is(magic):
    """A common slip: base64 text where a data URI is wanted. It is long, and no path."""
    message = refusal(base64.b64encode(magic * 20).decode())
    assert "data:image/" in message
    assert ";base64," in message


def test_a_relative_path_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"(looked in {tmp_path})" in refusal("nowhere.jpg")
    assert "looked in" not in refusal(tmp_path / "nowhere.jpg")


def test_a_very_long_path_is_not_repeated_in_full():
    assert "cannot be read" in refusal("x" * 100_000)


def test_an_error_of_the_disk_is_told(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(encoded())

    def fail(_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", fail)
    message = refusal(path)
    assert "a.png" in message
    assert "cannot be read" in message
    assert "Permission denied" in message


def test_a_lazily_opened_image_whose_file_is_broken(tmp_path):
    path = tmp_path / "cut.png"
    path.write_bytes(encoded(noise((64, 64)))[:2000])
    with Image.open(path) as image:
        message = refusal(image)
    assert "cut.png is damaged or cut short" in message


def test_a_closed_image_is_told_apart_from_a_broken_one(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded())
    with Image.open(path) as image:
        pass
    assert "a.png" in refusal(image)


def test_an_image_without_pixels():
    assert "0 × 5" in refusal(Image.new("RGB", (0, 5)))


@pytest.mark.parametrize("side", [10_000, 20_000, 60_000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_fills_the_memory(side):
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = encoded()
    bomb = png[:16] + head + struct.pack(">I", __import__("zlib").crc32(b"IHDR" + head)) + png[33:]
    message = refusal(bomb)
    assert "pixels" in message
    assert "shrink it" in message


def test_a_huge_file_is_not_read_at_all(tmp_path, monkeypatch):
    path = tmp_path / "film.png"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    assert "300.0 MB" in refusal(path)


# Without Pillow


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_without_pillow_what_needs_no_work_is_sent(kind, without_pillow):
    data = encoded(kind=kind)
    assert frames.load(data).data == data
    assert frames.load("https://x.example/a.jpg").url


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", range(2, 9))
def test_without_pillow_a_picture_on_its_side_is_refused(kind, value, without_pillow):
    message = refusal(stored(value, kind))
    assert "on its side" in message
    assert "pip install pillow" in message


def test_without_pillow_big_endian_exif_is_read_as_well(without_pillow):
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION, 3, 1, 6, 0, 0)
    assert "on its side" in refusal(encoded(kind="JPEG", exif=exif))


def test_without_pillow_a_large_picture_is_refused(without_pillow):
    message = refusal(encoded(noise((1750, 1720)), compress_level=0))
    assert "9.0 MB" in message
    assert "pip install pillow" in message


def test_without_pillow_an_array_is_refused(without_pillow):
    assert "pip install pillow" in refusal(np.zeros((4, 4, 3), np.uint8))


def test_without_pillow_an_empty_or_foreign_file_is_refused_as_ever(without_pillow, tmp_path):
    folder = files(tmp_path)
    assert "is empty" in refusal(folder / "empty.jpg")
    assert "it is a GIF" in refusal(folder / "moving.gif")


def test_the_reference_turning_is_that_of_pillow():
    """The pictures of these tests are stored as a camera would: Pillow turns each of them back to `corners`."""
    for value in range(1, 9):
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(stored(value, "PNG"))))
        assert np.array_equal(np.array(turned), np.array(corners()))
