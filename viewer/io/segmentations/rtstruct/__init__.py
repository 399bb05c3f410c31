"""RT Structure Sets (PS3.3 A.19): contours drawn as voxels, and voxels outlined by contours."""
