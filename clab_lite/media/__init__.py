"""Pictures and video files as streams of frames; annotated pictures, videos and contact sheets written from them."""
