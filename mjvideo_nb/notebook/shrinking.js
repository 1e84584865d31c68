// A picture from the browser is checked here and, where it is large, shrunk, because a message above 10 MB cuts the kernel's
// connection.

const TYPES = ["image/jpeg", "image/png", "image/webp"];
const LARGE = 5e6; // bytes
const LONG_SIDE = 2048; // px of a picture that was shrunk
const THUMB_SIDE = 496; // px: twice the width at which the form shows it
const THUMB_BYTES = 22000; // 30 kB as a data URI: the preview is saved with the notebook

/** A JPEG of the picture, at most `side` px long; on white, because JPEG has no transparency. */
function drawn(bitmap, side, quality) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", {
    width: Math.max(1, Math.round(bitmap.width * scale)),
    height: Math.max(1, Math.round(bitmap.height * scale)),
  });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}

async function thumbnail(bitmap) {
  for (const [side, quality] of [[THUMB_SIDE, 0.8], [THUMB_SIDE, 0.6], [THUMB_SIDE / 2, 0.6]]) {
    const blob = await drawn(bitmap, side, quality);
    if (blob.size > THUMB_BYTES) continue;
    return new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(blob);
    });
  }
  return "";
}

/** What is sent for a picked file: {name, type, bytes, caption, preview}. Throws an Error whose message is for the field. */
async function prepared(file) {
  const refused = (what) => new Error(`${file.name} ${what} Choose a JPEG, PNG or WebP picture.`);
  if (!TYPES.includes(file.type)) throw refused("is not a picture that can be used.");
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw refused("cannot be read as a picture: it is damaged or not what its name says.");
  });
  let { name, type } = file;
  let blob = file;
  let size = `${bitmap.width} × ${bitmap.height}`;
  if (file.size > LARGE) {
    blob = await drawn(bitmap, LONG_SIDE, 0.92);
    if (!blob || blob.size > LARGE) {
      throw new Error(`${name} is too large for the browser to send. Save it beside the notebook and give its path instead.`);
    }
    type = "image/jpeg";
    name = name.replace(/\.[^.]*$/, "") + ".jpg";
    const scale = Math.min(1, LONG_SIDE / Math.max(bitmap.width, bitmap.height));
    if (scale < 1) size = `${Math.round(bitmap.width * scale)} × ${Math.round(bitmap.height * scale)}, shrunk`;
  }
  const preview = await thumbnail(bitmap);
  bitmap.close();
  return { name, type, caption: `${name} · ${size}`, preview, bytes: await blob.arrayBuffer() };
}

