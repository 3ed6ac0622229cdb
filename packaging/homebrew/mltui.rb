class Mltui < Formula
  desc "See, compare, choose, train and promote MLflow runs in the terminal"
  homepage "@ADDRESS@"
  version "@VERSION@"
  license "MIT"

  on_linux do
    on_intel do
      url "@ADDRESS@/mltui-@VERSION@-x86_64-linux.tar.gz"
      sha256 "@X86_64@"
    end
    on_arm do
      url "@ADDRESS@/mltui-@VERSION@-aarch64-linux.tar.gz"
      sha256 "@AARCH64@"
    end
  end

  def install
    bin.install "mltui"
    man1.install "share/man/man1/mltui.1"
    bash_completion.install "share/bash-completion/completions/mltui"
    zsh_completion.install "share/zsh/site-functions/_mltui"
    fish_completion.install "share/fish/vendor_completions.d/mltui.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/mltui --version")
  end
end
