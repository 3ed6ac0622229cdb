class Mltui < Formula
  desc "See, compare, choose, train and promote MLflow runs in the terminal"
  homepage "@PAGE@"
  version "@VERSION@"
  license "MIT"

  on_linux do
    on_intel do
      url "@ADDRESS@/mltui-@VERSION@-x86_64-linux.tar.gz"
      sha256 "@x86_64-linux@"
    end
    on_arm do
      url "@ADDRESS@/mltui-@VERSION@-aarch64-linux.tar.gz"
      sha256 "@aarch64-linux@"
    end
  end

  on_macos do
    on_intel do
      url "@ADDRESS@/mltui-@VERSION@-x86_64-macos.tar.gz"
      sha256 "@x86_64-macos@"
    end
    on_arm do
      url "@ADDRESS@/mltui-@VERSION@-aarch64-macos.tar.gz"
      sha256 "@aarch64-macos@"
    end
  end

  def install
    bin.install "mltui"
    man1.install Dir["share/man/man1/*"]
    bash_completion.install "share/bash-completion/completions/mltui"
    zsh_completion.install "share/zsh/site-functions/_mltui"
    fish_completion.install "share/fish/vendor_completions.d/mltui.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/mltui --version")
  end
end
